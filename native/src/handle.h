#pragma once

#include <napi.h>

#include <memory>
#include <unordered_map>

#include "io_loop.h"

// The JavaScript object of one connection: connect(), the requests, info() and close(). Promises
// are settled on the environment's own thread through a thread-safe function that keeps the event
// loop alive only while something is pending.
class Handle : public Napi::ObjectWrap<Handle> {
 public:
  static Napi::Function define(Napi::Env env);

  explicit Handle(const Napi::CallbackInfo& info);
  ~Handle() override;

 private:
  Napi::Value connect(const Napi::CallbackInfo& info);
  Napi::Value info(const Napi::CallbackInfo& info);
  Napi::Value pread(const Napi::CallbackInfo& info);
  Napi::Value pwrite(const Napi::CallbackInfo& info);
  Napi::Value zero(const Napi::CallbackInfo& info);
  Napi::Value trim(const Napi::CallbackInfo& info);
  Napi::Value flush(const Napi::CallbackInfo& info);
  Napi::Value block_status(const Napi::CallbackInfo& info);
  Napi::Value close(const Napi::CallbackInfo& info);

  Napi::Value start(Napi::Env env, std::unique_ptr<Operation> operation);
  void settle(Napi::Env env, Operation& operation);
  void settle_connect(Napi::Env env, bool connected, const Failure& failure);
  void expect_more(Napi::Env env);
  void expect_less(Napi::Env env);
  void shut_down();
  static void at_environment_end(void* self);

  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  Napi::ThreadSafeFunction deliver_;
  bool deliverable_ = false;
  std::unique_ptr<IoLoop> loop_;
  std::unique_ptr<Napi::Promise::Deferred> connecting_;
  std::unordered_map<uint32_t, Napi::Promise::Deferred> pending_;
  uint32_t next_id_ = 1;
  uint32_t expected_ = 0;
  bool connected_ = false;
  Napi::Env env_;
};
