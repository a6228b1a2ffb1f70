#include "page_sum.h"

#include <xxhash.h>

#include <algorithm>
#include <string>

#include "zero_test.h"

PageSum page_sum(const uint8_t* bytes, uint64_t offset, uint64_t length) {
  PageSum sum = 0;
  for (uint64_t at = 0; at < length;) {
    const uint64_t part = std::min(length - at, kPageBytes - (offset + at) % kPageBytes);
    if (!is_zero(bytes + at, part)) {
      const XXH128_hash_t hash = XXH3_128bits_withSeed(bytes + at, part, offset + at);
      sum += PageSum{hash.high64} << 64 | hash.low64;
    }
    at += part;
  }
  return sum;
}

Napi::BigInt sum_to_js(Napi::Env env, PageSum sum) {
  const uint64_t words[2] = {static_cast<uint64_t>(sum), static_cast<uint64_t>(sum >> 64)};
  return Napi::BigInt::New(env, 0, 2, words);
}

bool read_sum(const Napi::Object& object, const char* name, PageSum& out) {
  const Napi::Value value = object.Get(name);
  if (value.IsUndefined()) return true;
  if (!value.IsBigInt()) {
    Napi::TypeError::New(object.Env(), std::string(name) + " has to be a bigint")
        .ThrowAsJavaScriptException();
    return false;
  }
  int negative = 0;
  size_t count = 2;
  uint64_t words[2] = {0, 0};
  auto number = value.As<Napi::BigInt>();
  if (number.WordCount() > 2) {
    Napi::RangeError::New(object.Env(), std::string(name) + " is out of range")
        .ThrowAsJavaScriptException();
    return false;
  }
  number.ToWords(&negative, &count, words);
  if (negative != 0) {
    Napi::RangeError::New(object.Env(), std::string(name) + " is out of range")
        .ThrowAsJavaScriptException();
    return false;
  }
  out = PageSum{words[1]} << 64 | words[0];
  return true;
}
