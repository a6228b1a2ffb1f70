#include "handle.h"

#include <libnbd.h>

#include <utility>

#include "arguments.h"

Napi::Function Handle::define(Napi::Env env) {
  return DefineClass(
      env, "Handle",
      {InstanceMethod("connect", &Handle::connect), InstanceMethod("info", &Handle::info),
       InstanceMethod("pread", &Handle::pread), InstanceMethod("pwrite", &Handle::pwrite),
       InstanceMethod("zero", &Handle::zero), InstanceMethod("trim", &Handle::trim),
       InstanceMethod("flush", &Handle::flush),
       InstanceMethod("blockStatus", &Handle::block_status),
       InstanceMethod("close", &Handle::close)});
}

Handle::Handle(const Napi::CallbackInfo& info) : Napi::ObjectWrap<Handle>(info), env_(info.Env()) {
  const Napi::Function nothing = Napi::Function::New(env_, [](const Napi::CallbackInfo&) {});
  deliver_ = Napi::ThreadSafeFunction::New(env_, nothing, "nbd handle", 0, 1);
  deliver_.Unref(env_);
  deliverable_ = true;
  napi_add_env_cleanup_hook(env_, at_environment_end, this);
}

Handle::~Handle() {
  napi_remove_env_cleanup_hook(env_, at_environment_end, this);
  shut_down();
}

void Handle::at_environment_end(void* self) { static_cast<Handle*>(self)->shut_down(); }

// Joins the thread; nothing is delivered afterwards. May be called twice.
void Handle::shut_down() {
  *alive_ = false;
  loop_.reset();
  if (deliverable_) {
    deliverable_ = false;
    deliver_.Abort();
  }
}

void Handle::expect_more(Napi::Env env) {
  if (expected_++ == 0) {
    deliver_.Ref(env);
    Ref();
  }
}

void Handle::expect_less(Napi::Env env) {
  if (--expected_ == 0) {
    if (deliverable_) deliver_.Unref(env);
    Unref();
  }
}

Napi::Value Handle::connect(const Napi::CallbackInfo& info) {
  Target target;
  if (!read_target(info[0], target)) return info.Env().Undefined();
  if (loop_ != nullptr || !deliverable_) {
    Napi::Error::New(info.Env(), "this handle was used before").ThrowAsJavaScriptException();
    return info.Env().Undefined();
  }
  connecting_ = std::make_unique<Napi::Promise::Deferred>(info.Env());
  const Napi::Promise promise = connecting_->Promise();
  expect_more(info.Env());
  const Napi::ThreadSafeFunction deliver = deliver_;
  const std::shared_ptr<bool> alive = alive_;
  loop_ = std::make_unique<IoLoop>(
      target,
      [this, deliver, alive](bool connected, const Failure& failure) {
        deliver.BlockingCall([this, alive, connected, failure](Napi::Env env, Napi::Function) {
          if (*alive) settle_connect(env, connected, failure);
        });
      },
      [this, deliver, alive](std::unique_ptr<Operation> operation) {
        const std::shared_ptr<Operation> shared = std::move(operation);
        deliver.BlockingCall([this, alive, shared](Napi::Env env, Napi::Function) {
          if (*alive) settle(env, *shared);
        });
      });
  return promise;
}

void Handle::settle_connect(Napi::Env env, bool connected, const Failure& failure) {
  connected_ = connected;
  if (connected) {
    connecting_->Resolve(env.Undefined());
  } else {
    connecting_->Reject(failure.to_js(env));
  }
  connecting_.reset();
  expect_less(env);
}

Napi::Value Handle::info(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  nbd_handle* const h = connected_ && loop_ != nullptr ? loop_->handle() : nullptr;
  const int64_t size = h == nullptr ? -1 : nbd_get_size(h);
  if (size == -1) {
    Napi::Error::New(env, "this handle is not connected").ThrowAsJavaScriptException();
    return env.Undefined();
  }
  Napi::Object facts = Napi::Object::New(env);
  facts.Set("sizeBytes", Napi::BigInt::New(env, static_cast<uint64_t>(size)));
  facts.Set("readOnly", nbd_is_read_only(h) == 1);
  facts.Set("canFlush", nbd_can_flush(h) == 1);
  facts.Set("canFua", nbd_can_fua(h) == 1);
  facts.Set("canZero", nbd_can_zero(h) == 1);
  facts.Set("canFastZero", nbd_can_fast_zero(h) == 1);
  facts.Set("canTrim", nbd_can_trim(h) == 1);
  facts.Set("canMultiConn", nbd_can_multi_conn(h) == 1);
  facts.Set("canDf", nbd_can_df(h) == 1);
  facts.Set("canCache", nbd_can_cache(h) == 1);
  facts.Set("hasAllocationContext", nbd_can_meta_context(h, LIBNBD_CONTEXT_BASE_ALLOCATION) == 1);
  facts.Set("structuredReplies", nbd_get_structured_replies_negotiated(h) == 1);
  facts.Set("tlsNegotiated", nbd_get_tls_negotiated(h) == 1);
  const auto block_size = [&](int which) -> Napi::Value {
    const int64_t bytes = nbd_get_block_size(h, which);
    // 0: the server did not say (libnbd lib/internal.h).
    return bytes <= 0 ? env.Null() : Napi::BigInt::New(env, static_cast<uint64_t>(bytes));
  };
  facts.Set("minBlockBytes", block_size(LIBNBD_SIZE_MINIMUM));
  facts.Set("preferredBlockBytes", block_size(LIBNBD_SIZE_PREFERRED));
  facts.Set("maxBlockBytes", block_size(LIBNBD_SIZE_MAXIMUM));
  return facts;
}

Napi::Value Handle::start(Napi::Env env, std::unique_ptr<Operation> operation) {
  Napi::Promise::Deferred deferred(env);
  const Napi::Promise promise = deferred.Promise();
  if (loop_ == nullptr) {
    deferred.Reject(Failure::of("nbd", ENOTCONN).to_js(env));
    return promise;
  }
  operation->id = next_id_++;
  pending_.emplace(operation->id, deferred);
  expect_more(env);
  loop_->submit(std::move(operation));
  return promise;
}

void Handle::settle(Napi::Env env, Operation& operation) {
  const auto found = pending_.find(operation.id);
  const Napi::Promise::Deferred deferred = found->second;
  pending_.erase(found);
  if (operation.failed) {
    operation.failure.offset = operation.offset;
    operation.failure.length = operation.length;
    deferred.Reject(operation.failure.to_js(env));
  } else if (operation.kind == Operation::Kind::kRead) {
    deferred.Resolve(
        Napi::Buffer<uint8_t>::Copy(env, operation.bytes.data(), operation.bytes.size()));
  } else if (operation.kind == Operation::Kind::kBlockStatus) {
    Napi::Array entries = Napi::Array::New(env, operation.extents.size());
    for (uint32_t i = 0; i < operation.extents.size(); ++i) {
      Napi::Object entry = Napi::Object::New(env);
      entry.Set("length", Napi::BigInt::New(env, operation.extents[i].length));
      entry.Set("flags", operation.extents[i].flags);
      entries.Set(i, entry);
    }
    deferred.Resolve(entries);
  } else {
    deferred.Resolve(env.Undefined());
  }
  expect_less(env);
}

namespace {

std::unique_ptr<Operation> ranged(const Napi::CallbackInfo& info, Operation::Kind kind) {
  auto operation = std::make_unique<Operation>();
  operation->kind = kind;
  if (!read_bytes(info[0], "offset", operation->offset)) return nullptr;
  if (!read_bytes(info[1], "length", operation->length)) return nullptr;
  return operation;
}

}  // namespace

Napi::Value Handle::pread(const Napi::CallbackInfo& info) {
  auto operation = ranged(info, Operation::Kind::kRead);
  if (operation == nullptr) return info.Env().Undefined();
  // libnbd refuses more than 64 MiB with ERANGE (lib/internal.h MAX_REQUEST_SIZE); do not allocate
  // for it either.
  if (operation->length > 64 * 1024 * 1024) {
    Napi::RangeError::New(info.Env(), "a read is at most 64 MiB").ThrowAsJavaScriptException();
    return info.Env().Undefined();
  }
  return start(info.Env(), std::move(operation));
}

Napi::Value Handle::pwrite(const Napi::CallbackInfo& info) {
  auto operation = std::make_unique<Operation>();
  operation->kind = Operation::Kind::kWrite;
  if (!read_bytes(info[0], "offset", operation->offset)) return info.Env().Undefined();
  if (!info[1].IsTypedArray() ||
      info[1].As<Napi::TypedArray>().TypedArrayType() != napi_uint8_array) {
    Napi::TypeError::New(info.Env(), "data has to be a Uint8Array").ThrowAsJavaScriptException();
    return info.Env().Undefined();
  }
  const Napi::Uint8Array data = info[1].As<Napi::Uint8Array>();
  operation->bytes.assign(data.Data(), data.Data() + data.ByteLength());
  operation->length = data.ByteLength();
  return start(info.Env(), std::move(operation));
}

Napi::Value Handle::zero(const Napi::CallbackInfo& info) {
  auto operation = ranged(info, Operation::Kind::kZero);
  if (operation == nullptr) return info.Env().Undefined();
  const bool may_trim = info[2].IsBoolean() && info[2].As<Napi::Boolean>().Value();
  operation->flags = may_trim ? 0 : LIBNBD_CMD_FLAG_NO_HOLE;
  return start(info.Env(), std::move(operation));
}

Napi::Value Handle::trim(const Napi::CallbackInfo& info) {
  auto operation = ranged(info, Operation::Kind::kTrim);
  if (operation == nullptr) return info.Env().Undefined();
  return start(info.Env(), std::move(operation));
}

Napi::Value Handle::flush(const Napi::CallbackInfo& info) {
  auto operation = std::make_unique<Operation>();
  operation->kind = Operation::Kind::kFlush;
  return start(info.Env(), std::move(operation));
}

Napi::Value Handle::block_status(const Napi::CallbackInfo& info) {
  auto operation = ranged(info, Operation::Kind::kBlockStatus);
  if (operation == nullptr) return info.Env().Undefined();
  return start(info.Env(), std::move(operation));
}

Napi::Value Handle::close(const Napi::CallbackInfo& info) {
  if (loop_ != nullptr) loop_->request_stop();
  connected_ = false;
  return info.Env().Undefined();
}
