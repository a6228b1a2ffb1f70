#include "file_copy_job.h"

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

#include "arguments.h"
#include "file_copy.h"

namespace {

constexpr std::chrono::milliseconds kReportEvery(250);

struct Job {
  explicit Job(Napi::Env environment) : deferred(environment) {}

  Napi::Promise::Deferred deferred;
  Napi::FunctionReference on_progress;
  Napi::ThreadSafeFunction deliver;
  FileCopyOptions options;
  FileCopyShared shared;
  // A report that JavaScript has not taken yet; until it has, no other is made.
  std::atomic<bool> reporting{false};
  std::thread thread;
};

bool read_parts(const Napi::Value& value, std::vector<FilePart>& out) {
  const bool is_list = value.IsTypedArray() &&
                       value.As<Napi::TypedArray>().TypedArrayType() == napi_biguint64_array &&
                       value.As<Napi::BigUint64Array>().ElementLength() % 3 == 0;
  if (!is_list) {
    Napi::TypeError::New(value.Env(), "parts has to be a BigUint64Array of threes")
        .ThrowAsJavaScriptException();
    return false;
  }
  const auto list = value.As<Napi::BigUint64Array>();
  constexpr uint64_t kMost = uint64_t{1} << 62;
  for (size_t i = 0; i < list.ElementLength(); i += 3) {
    const FilePart part = {list[i], list[i + 1], list[i + 2]};
    const bool fits = part.file_offset <= kMost || part.file_offset == FilePart::kZeroes;
    if (!fits || part.offset > kMost || part.length > kMost) {
      Napi::RangeError::New(value.Env(), "a part is out of range").ThrowAsJavaScriptException();
      return false;
    }
    out.push_back(part);
  }
  return true;
}

bool read_request(const Napi::Object& request, FileCopyOptions& out) {
  return read_string(request, "source", out.source) &&
         (request.Get("target").IsUndefined() || read_string(request, "target", out.target)) &&
         read_parts(request.Get("parts"), out.parts);
}

void report(Job* job) {
  if (job->reporting.exchange(true)) return;
  job->deliver.NonBlockingCall([job](Napi::Env env, Napi::Function) {
    job->reporting = false;
    job->on_progress.Call({Napi::BigInt::New(env, job->shared.read.load())});
  });
}

void run(Job* job) {
  std::mutex mutex;
  std::condition_variable changed;
  bool ended = false;
  std::thread reporter([&] {
    std::unique_lock<std::mutex> lock(mutex);
    while (!changed.wait_for(lock, kReportEvery, [&] { return ended; })) report(job);
  });
  const FileCopyOutcome outcome = copy_file(job->options, job->shared);
  {
    const std::lock_guard<std::mutex> lock(mutex);
    ended = true;
  }
  changed.notify_one();
  reporter.join();
  job->deliver.BlockingCall([job, outcome](Napi::Env env, Napi::Function) {
    if (!outcome.ok) {
      job->deferred.Reject(outcome.failure.to_js(env));
      return;
    }
    Napi::Object result = Napi::Object::New(env);
    result.Set("readBytes", Napi::BigInt::New(env, job->shared.read.load()));
    result.Set("pageSum", sum_to_js(env, outcome.page_sum));
    job->deferred.Resolve(result);
  });
  job->deliver.Release();
}

void stop_at_environment_end(void* data) {
  auto* job = static_cast<Job*>(data);
  job->shared.cancelled = true;
  if (job->thread.joinable()) job->thread.join();
}

}  // namespace

Napi::Value start_file_copy(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!info[0].IsObject() || !info[1].IsFunction()) {
    Napi::TypeError::New(env, "startFileCopy(request, onProgress)").ThrowAsJavaScriptException();
    return env.Undefined();
  }
  auto job = std::make_shared<Job>(env);
  if (!read_request(info[0].As<Napi::Object>(), job->options)) return env.Undefined();
  job->on_progress = Napi::Persistent(info[1].As<Napi::Function>());
  const Napi::Promise promise = job->deferred.Promise();
  const Napi::Function nothing = Napi::Function::New(env, [](const Napi::CallbackInfo&) {});
  napi_add_env_cleanup_hook(env, stop_at_environment_end, job.get());
  job->deliver =
      Napi::ThreadSafeFunction::New(env, nothing, "file copy", 0, 1, [job](Napi::Env finalizing) {
        napi_remove_env_cleanup_hook(finalizing, stop_at_environment_end, job.get());
        if (job->thread.joinable()) job->thread.join();
        job->on_progress.Reset();
      });
  job->thread = std::thread(run, job.get());
  Napi::Object handle = Napi::Object::New(env);
  handle.Set("promise", promise);
  handle.Set("abort", Napi::Function::New(
                          env, [job](const Napi::CallbackInfo&) { job->shared.cancelled = true; }));
  return handle;
}
