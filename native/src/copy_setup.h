#pragma once

#include "copy_engine.h"

struct Ends {
  NbdPtr source;
  // Null in kHash.
  NbdPtr target;
};

bool connect_ends(const CopyOptions& options, const StopSignal& stop, Ends& ends, Failure& failure);

// Everything that must hold before the first byte is written.
bool check_request(const CopyOptions& options, const Ends& ends, Failure& failure);

// What the servers advertised decides the lanes, the sizes and the ways to zero.
PieceSizes choose(const CopyOptions& options, const Ends& ends, CopyShared& shared,
                  CopyOutcome& outcome);
