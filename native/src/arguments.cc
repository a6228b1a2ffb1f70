#include "arguments.h"

namespace {

bool refuse(Napi::Env env, const std::string& text) {
  Napi::TypeError::New(env, text).ThrowAsJavaScriptException();
  return false;
}

bool read_tls(const Napi::Object& object, Target& out) {
  const Napi::Value value = object.Get("tls");
  if (value.IsUndefined()) return true;
  if (!value.IsObject()) return refuse(object.Env(), "tls has to be an object");
  const Napi::Object tls = value.As<Napi::Object>();
  TlsSettings settings;
  if (!read_string(tls, "certificatesDir", settings.certificates_dir)) return false;
  const Napi::Value verify = tls.Get("verifyPeer");
  if (!verify.IsBoolean()) return refuse(object.Env(), "tls.verifyPeer has to be a boolean");
  settings.verify_peer = verify.As<Napi::Boolean>().Value();
  out.tls = settings;
  return true;
}

bool read_argv(const Napi::Object& object, Target& out) {
  const Napi::Value value = object.Get("argv");
  if (!value.IsArray() || value.As<Napi::Array>().Length() == 0) {
    return refuse(object.Env(), "argv has to be a list with at least the program");
  }
  const Napi::Array words = value.As<Napi::Array>();
  for (uint32_t i = 0; i < words.Length(); ++i) {
    const Napi::Value word = words.Get(i);
    if (!word.IsString()) return refuse(object.Env(), "argv has to hold strings");
    out.argv.push_back(word.As<Napi::String>().Utf8Value());
  }
  return true;
}

}  // namespace

bool read_string(const Napi::Object& object, const char* name, std::string& out) {
  const Napi::Value value = object.Get(name);
  if (!value.IsString()) return refuse(object.Env(), std::string(name) + " has to be a string");
  out = value.As<Napi::String>().Utf8Value();
  if (out.find('\0') != std::string::npos)
    return refuse(object.Env(), std::string(name) + " holds a NUL byte");
  return true;
}

bool read_target(const Napi::Value& value, Target& out) {
  if (!value.IsObject()) return refuse(value.Env(), "a connect target has to be an object");
  const Napi::Object object = value.As<Napi::Object>();
  std::string kind;
  if (!read_string(object, "kind", kind)) return false;
  if (kind == "uri") {
    out.kind = Target::Kind::kUri;
    return read_string(object, "uri", out.uri) && read_tls(object, out);
  }
  if (kind == "unix") {
    out.kind = Target::Kind::kUnix;
    return read_string(object, "path", out.path) &&
           read_string(object, "exportName", out.export_name) && read_tls(object, out);
  }
  if (kind == "command") {
    out.kind = Target::Kind::kCommand;
    return read_argv(object, out);
  }
  return refuse(value.Env(), "no such kind of connect target: " + kind);
}

bool read_bytes(const Napi::Value& value, const char* name, uint64_t& out) {
  if (!value.IsBigInt()) return refuse(value.Env(), std::string(name) + " has to be a bigint");
  bool lossless = false;
  const int64_t read = value.As<Napi::BigInt>().Int64Value(&lossless);
  if (!lossless || read < 0) {
    Napi::RangeError::New(value.Env(), std::string(name) + " is outside 0 to 2^63-1")
        .ThrowAsJavaScriptException();
    return false;
  }
  out = static_cast<uint64_t>(read);
  return true;
}
