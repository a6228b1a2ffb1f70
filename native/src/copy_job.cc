#include "copy_job.h"

#include <atomic>
#include <memory>
#include <thread>

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
  std::thread thread;
};

void set_counters(Napi::Env env, Napi::Object& object, const CopyCounters& counters) {
  object.Set("readBytes", Napi::BigInt::New(env, counters.read.load()));
  object.Set("writtenBytes", Napi::BigInt::New(env, counters.written.load()));
  object.Set("zeroedBytes", Napi::BigInt::New(env, counters.zeroed.load()));
  object.Set("skippedBytes", Napi::BigInt::New(env, counters.skipped.load()));
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

bool read_request(const Napi::Object& request, CopyOptions& out) {
  if (!read_target(request.Get("source"), out.source) ||
      !read_target(request.Get("target"), out.target))
    return false;
  const Napi::Value extents = request.Get("extents");
  if (!extents.IsArray()) {
    Napi::TypeError::New(request.Env(), "extents has to be a list").ThrowAsJavaScriptException();
    return false;
  }
  const Napi::Array list = extents.As<Napi::Array>();
  for (uint32_t i = 0; i < list.Length(); ++i) {
    const Napi::Value item = list.Get(i);
    if (!item.IsObject()) {
      Napi::TypeError::New(request.Env(), "an extent has to be an object")
          .ThrowAsJavaScriptException();
      return false;
    }
    Range range;
    if (!read_bytes(item.As<Napi::Object>().Get("offset"), "offset", range.offset)) return false;
    if (!read_bytes(item.As<Napi::Object>().Get("length"), "length", range.length)) return false;
    out.extents.push_back(range);
  }
  const Napi::Value is_zero = request.Get("targetIsZero");
  out.target_is_zero = is_zero.IsBoolean() && is_zero.As<Napi::Boolean>().Value();
  return read_number(request, "connections", out.connections) &&
         read_number(request, "requestBytes", out.request_bytes) &&
         read_number(request, "depth", out.depth) &&
         read_number(request, "progressIntervalMs", out.progress_interval_ms);
}

void settle(Napi::Env env, Job& job, const CopyOutcome& outcome) {
  if (!outcome.ok) {
    job.deferred.Reject(outcome.failure.to_js(env));
    return;
  }
  Napi::Object result = Napi::Object::New(env);
  set_counters(env, result, job.shared.counters);
  result.Set("seconds", outcome.seconds);
  result.Set("connections", outcome.connections);
  result.Set("flushedConnections", outcome.flushed_connections);
  Napi::Array fallbacks = Napi::Array::New(env);
  for (uint32_t i = 0; i < outcome.fallbacks.size(); ++i) fallbacks.Set(i, outcome.fallbacks[i]);
  result.Set("fallbacks", fallbacks);
  job.deferred.Resolve(result);
}

void stop_at_environment_end(void* data) {
  auto* job = static_cast<Job*>(data);
  job->shared.stop.raise();
  if (job->thread.joinable()) job->thread.join();
}

void run(Job* job) {
  const auto report = [job] {
    job->deliver.NonBlockingCall([job](Napi::Env env, Napi::Function) {
      Napi::Object progress = Napi::Object::New(env);
      set_counters(env, progress, job->shared.counters);
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
  handle.Set("abort", Napi::Function::New(
                          env, [job](const Napi::CallbackInfo&) { job->shared.stop.raise(); }));
  return handle;
}
