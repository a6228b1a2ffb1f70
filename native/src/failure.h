#pragma once

#include <napi.h>

#include <cstdint>
#include <string>

// What a libnbd call failed with. libnbd keeps its last error per thread, so `last` must run on the
// thread that made the call (libnbd lib/errors.c).
struct Failure {
  std::string op;
  int code = 0;
  std::string text;
  std::string side;
  uint64_t offset = 0;
  uint64_t length = 0;
  // Of a copy: everything in its extents below this offset is durable.
  uint64_t durable_below = 0;

  static Failure last(const char* op);
  static Failure of(const char* op, int code);
  static Failure at(const char* op, int code, const char* side, uint64_t offset, uint64_t length);

  // An Error with op, errnoCode and errno name; TypeScript turns it into NbdError.
  Napi::Value to_js(Napi::Env env) const;
};
