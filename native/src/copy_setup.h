#pragma once

#include "copy_engine.h"

struct Ends {
  NbdPtr source;
  // Null in kHash.
  NbdPtr target;
};

// Both sides at once, while `wanted` says so; `wake` as for finish_connecting. False with `failure`
// set on error, and `ends` then empty.
bool connect_ends(const CopyOptions& options, const int (&wake)[2],
                  const std::function<bool()>& wanted, Ends& ends, Failure& failure);

// Everything that must hold before the first byte is written.
bool check_request(const CopyOptions& options, const Ends& ends, Failure& failure);

// What the servers advertised decides the lanes, the sizes and the ways to zero.
PieceSizes choose(const CopyOptions& options, const Ends& ends, CopyShared& shared,
                  CopyOutcome& outcome);
