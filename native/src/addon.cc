#include <napi.h>

#include "copy_job.h"
#include "file_copy_job.h"
#include "handle.h"

static Napi::Object init(Napi::Env env, Napi::Object exports) {
  exports.Set("Handle", Handle::define(env));
  exports.Set("startCopy", Napi::Function::New(env, start_copy, "startCopy"));
  exports.Set("startFileCopy", Napi::Function::New(env, start_file_copy, "startFileCopy"));
  return exports;
}

NODE_API_MODULE(nbd, init)
