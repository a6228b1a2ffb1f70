#pragma once

#include <napi.h>

// startFileCopy(request, onProgress): { promise, abort() }. As startCopy(): a thread of its own,
// the promise settles when it has ended, and closing the environment stops it and waits.
Napi::Value start_file_copy(const Napi::CallbackInfo& info);
