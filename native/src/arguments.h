#pragma once

#include <napi.h>

#include <cstdint>
#include <string>

#include "connection.h"

// Conversions from JavaScript values to plain C++ on the main thread. Each returns false after
// throwing a TypeError or RangeError into the environment.
bool read_target(const Napi::Value& value, Target& out);
bool read_bytes(const Napi::Value& value, const char* name, uint64_t& out);
bool read_string(const Napi::Object& object, const char* name, std::string& out);
