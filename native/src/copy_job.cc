#include "copy_job.h"

#include <atomic>
#include <memory>
#include <thread>
#include <utility>

#include "arguments.h"
#include "copy_engine.h"

namespace {

struct Job {
  explicit Job(Napi::Env environment) : env(environment), deferred(environment) {}

  Napi::Env env;
  Napi::Promise::Deferred deferred;
  Napi::FunctionReference on_progress;
  Napi::ThreadSafeFunction deliver;
  CopyOptions options;
  CopyShared shared;
  // A report that JavaScript has not taken yet; until it has, no other is made.
  std::atomic<bool> reporting{false};
  std::thread thread;
};

void set_counters(Napi::Env env, Napi::Object& object, CopyShared& shared) {
  const CopyCounters& counters = shared.counters;
  object.Set("readBytes", Napi::BigInt::New(env, counters.read.load()));
  object.Set("writtenBytes", Napi::BigInt::New(env, counters.written.load()));
  object.Set("zeroedBytes", Napi::BigInt::New(env, counters.zeroed.load()));
  object.Set("skippedBytes", Napi::BigInt::New(env, counters.skipped.load()));
  const Mark mark = shared.durable();
  object.Set("durableBelow", Napi::BigInt::New(env, mark.offset));
  object.Set("durableSum", sum_to_js(env, mark.tally.pages));
  object.Set("retriedRequests", static_cast<double>(shared.sent_again.load()));
  object.Set("reconnects", shared.reconnects.load());
}

bool read_number(const Napi::Object& object, const char* name, uint32_t& out) {
  const Napi::Value value = object.Get(name);
  if (value.IsUndefined()) return true;
  if (!value.IsNumber() || value.As<Napi::Number>().Int64Value() < 1 ||
      value.As<Napi::Number>().Int64Value() > 64 * 1024 * 1024) {
    Napi::RangeError::New(object.Env(), std::string(name) + " is out of range")
        .ThrowAsJavaScriptException();
    return false;
  }
  out = value.As<Napi::Number>().Uint32Value();
  return true;
}

// Offset and length by turns: a list of objects would hold the event loop for a large disk.
bool read_extents(const Napi::Value& value, std::vector<Range>& out) {
  if (!value.IsTypedArray() ||
      value.As<Napi::TypedArray>().TypedArrayType() != napi_biguint64_array) {
    Napi::TypeError::New(value.Env(), "extents has to be a BigUint64Array")
        .ThrowAsJavaScriptException();
    return false;
  }
  const auto list = value.As<Napi::BigUint64Array>();
  constexpr uint64_t kMost = uint64_t{1} << 62;
  for (size_t i = 0; i + 1 < list.ElementLength(); i += 2) {
    const Range range = {list[i], list[i + 1], false};
    if (range.offset > kMost || range.length > kMost) {
      Napi::RangeError::New(value.Env(), "an extent is out of range").ThrowAsJavaScriptException();
      return false;
    }
    out.push_back(range);
  }
  return true;
}

bool read_choice(const Napi::Object& object, const char* name,
                 const std::vector<std::string>& words, size_t& out) {
  const Napi::Value value = object.Get(name);
  if (value.IsUndefined()) return true;
  std::string word;
  if (!read_string(object, name, word)) return false;
  for (size_t i = 0; i < words.size(); ++i) {
    if (words[i] != word) continue;
    out = i;
    return true;
  }
  Napi::TypeError::New(object.Env(), std::string(name) + " cannot be " + word)
      .ThrowAsJavaScriptException();
  return false;
}

bool read_optional_bytes(const Napi::Object& object, const char* name, uint64_t& out) {
  const Napi::Value value = object.Get(name);
  return value.IsUndefined() || read_bytes(value, name, out);
}

bool read_modes(const Napi::Object& request, CopyOptions& out) {
  size_t mode = 0;
  size_t hash = 0;
  if (!read_choice(request, "mode", {"copy", "compare", "hash"}, mode) ||
      !read_choice(request, "hashAlgorithm", {"none", "xxh3-128", "sha256"}, hash) ||
      !read_number(request, "hashBlockBytes", out.hash_block_bytes))
    return false;
  out.mode = static_cast<Mode>(mode);
  out.hash = static_cast<HashKind>(hash);
  const uint32_t block = out.hash_block_bytes;
  if (block >= 64 * 1024 && block <= 1024 * 1024 && (block & (block - 1)) == 0) return true;
  Napi::RangeError::New(request.Env(), "hashBlockBytes is a power of two, 64 KiB to 1 MiB")
      .ThrowAsJavaScriptException();
  return false;
}

bool read_request(const Napi::Object& request, CopyOptions& out) {
  if (!read_modes(request, out) || !read_target(request.Get("source"), out.source)) return false;
  if (out.mode != Mode::kHash && !read_target(request.Get("target"), out.target)) return false;
  if (!read_extents(request.Get("extents"), out.extents)) return false;
  const Napi::Value is_zero = request.Get("targetIsZero");
  out.target_is_zero = is_zero.IsBoolean() && is_zero.As<Napi::Boolean>().Value();
  size_t map_use = 0;
  if (!read_choice(request, "allocationMap", {"where-worth-it", "always", "never"}, map_use))
    return false;
  out.map_use = static_cast<MapUse>(map_use);
  const Napi::Value sums = request.Get("sumsPages");
  out.sums_pages = sums.IsBoolean() && sums.As<Napi::Boolean>().Value();
  return read_sum(request, "resumeSum", out.resume_sum) &&
         read_number(request, "connections", out.connections) &&
         read_number(request, "requestBytes", out.request_bytes) &&
         read_number(request, "depth", out.depth) &&
         read_number(request, "progressIntervalMs", out.progress_interval_ms) &&
         read_number(request, "requestTimeoutMs", out.request_timeout_ms) &&
         read_number(request, "reconnectWindowMs", out.reconnect_window_ms) &&
         read_number(request, "markIntervalMs", out.mark_interval_ms) &&
         read_optional_bytes(request, "resumeFrom", out.resume_from) &&
         read_optional_bytes(request, "bytesPerSecond", out.bytes_per_second);
}

void settle(Napi::Env env, Job& job, const CopyOutcome& outcome) {
  if (!outcome.ok) {
    job.deferred.Reject(outcome.failure.to_js(env));
    return;
  }
  Napi::Object result = Napi::Object::New(env);
  set_counters(env, result, job.shared);
  result.Set("seconds", outcome.seconds);
  if (job.options.sums_pages) result.Set("pageSum", sum_to_js(env, outcome.page_sum));
  result.Set("connections", outcome.connections);
  result.Set("flushedConnections", outcome.flushed_connections);
  result.Set("requestBytes", static_cast<double>(outcome.request_bytes));
  result.Set("depth", outcome.depth);
  result.Set("pinnedLanes", outcome.pinned_lanes);
  result.Set("readMap", outcome.reads_map);
  if (job.shared.hashes != nullptr) {
    auto* digests = new std::vector<uint8_t>(std::move(job.shared.hashes->digests()));
    result.Set(
        "digests",
        Napi::Buffer<uint8_t>::New(
            env, digests->data(), digests->size(),
            [](Napi::Env, uint8_t*, std::vector<uint8_t>* owner) { delete owner; }, digests));
  }
  Napi::Array fallbacks = Napi::Array::New(env);
  for (uint32_t i = 0; i < outcome.fallbacks.size(); ++i) fallbacks.Set(i, outcome.fallbacks[i]);
  result.Set("fallbacks", fallbacks);
  job.deferred.Resolve(result);
}

void stop_at_environment_end(void* data) {
  auto* job = static_cast<Job*>(data);
  job->shared.cancel();
  if (job->thread.joinable()) job->thread.join();
}

void run(Job* job) {
  const auto report = [job] {
    if (job->reporting.exchange(true)) return;
    job->deliver.NonBlockingCall([job](Napi::Env env, Napi::Function) {
      Napi::Object progress = Napi::Object::New(env);
      set_counters(env, progress, job->shared);
      job->reporting = false;
      job->on_progress.Call({progress});
    });
  };
  const CopyOutcome outcome = run_copy(job->options, job->shared, report);
  job->deliver.BlockingCall(
      [job, outcome](Napi::Env env, Napi::Function) { settle(env, *job, outcome); });
  job->deliver.Release();
}

}  // namespace

Napi::Value start_copy(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!info[0].IsObject() || !info[1].IsFunction()) {
    Napi::TypeError::New(env, "startCopy(request, onProgress)").ThrowAsJavaScriptException();
    return env.Undefined();
  }
  auto job = std::make_shared<Job>(env);
  if (!read_request(info[0].As<Napi::Object>(), job->options)) return env.Undefined();
  // Before the thread is there: what JavaScript says next must stay the last word.
  job->shared.set_rate(job->options.bytes_per_second);
  job->on_progress = Napi::Persistent(info[1].As<Napi::Function>());
  const Napi::Promise promise = job->deferred.Promise();
  const Napi::Function nothing = Napi::Function::New(env, [](const Napi::CallbackInfo&) {});
  napi_add_env_cleanup_hook(env, stop_at_environment_end, job.get());
  job->deliver =
      Napi::ThreadSafeFunction::New(env, nothing, "nbd copy", 0, 1, [job](Napi::Env finalizing) {
        napi_remove_env_cleanup_hook(finalizing, stop_at_environment_end, job.get());
        if (job->thread.joinable()) job->thread.join();
        job->on_progress.Reset();
      });
  job->thread = std::thread(run, job.get());
  Napi::Object handle = Napi::Object::New(env);
  handle.Set("promise", promise);
  handle.Set("abort",
             Napi::Function::New(env, [job](const Napi::CallbackInfo&) { job->shared.cancel(); }));
  handle.Set("setPaused", Napi::Function::New(env, [job](const Napi::CallbackInfo& call) {
               job->shared.set_paused(call[0].ToBoolean().Value());
             }));
  handle.Set("setRate", Napi::Function::New(env, [job](const Napi::CallbackInfo& call) {
               uint64_t rate = 0;
               if (read_bytes(call[0], "bytesPerSecond", rate)) job->shared.set_rate(rate);
             }));
  return handle;
}
