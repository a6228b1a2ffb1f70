#pragma once

#include <cstddef>
#include <cstdint>

// Every byte is looked at.
bool is_zero(const uint8_t* bytes, size_t length);
