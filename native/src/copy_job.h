#pragma once

#include <napi.h>

// startCopy(request, onProgress): { promise, abort() }. The copy runs on its own threads; the
// promise settles when all of them have ended. Closing the environment stops the copy and waits for
// it.
Napi::Value start_copy(const Napi::CallbackInfo& info);
