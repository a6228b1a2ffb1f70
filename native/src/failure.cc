#include "failure.h"

#include <libnbd.h>

#include <cerrno>
#include <cstring>

Failure Failure::last(const char* op) {
  Failure failure;
  failure.op = op;
  failure.code = nbd_get_errno();
  const char* text = nbd_get_error();
  failure.text = text != nullptr ? text : "unknown error";
  // A library-level refusal may carry no errno; it must still be told from success.
  if (failure.code == 0) failure.code = EINVAL;
  return failure;
}

Failure Failure::of(const char* op, int code) {
  Failure failure;
  failure.op = op;
  failure.code = code == 0 ? EIO : code;
  failure.text = strerror(failure.code);
  return failure;
}

Failure Failure::at(const char* op, int code, const char* side, uint64_t offset, uint64_t length) {
  Failure failure = of(op, code);
  failure.side = side;
  failure.offset = offset;
  failure.length = length;
  return failure;
}

Napi::Value Failure::to_js(Napi::Env env) const {
  Napi::Object error = Napi::Object::New(env);
  const char* name = strerrorname_np(code);
  error.Set("op", op);
  error.Set("errnoCode", code);
  error.Set("errno", name != nullptr ? name : "EIO");
  error.Set("text", text);
  error.Set("side", side);
  error.Set("offset", Napi::BigInt::New(env, offset));
  error.Set("length", Napi::BigInt::New(env, length));
  error.Set("durableBelow", Napi::BigInt::New(env, durable_below));
  return error;
}
