#pragma once

#include <napi.h>

#include <cstdint>

// The sum, modulo 2^128, of one digest for each page of a disk that is not all zeroes (XXH3-128 of
// the page, seeded with its offset). It does not depend on the order in which pages are read nor on
// what is zero, so lanes add up theirs alone and both sides of a copy can be compared by it. It
// finds damage; it does not stand against a peer that wants to deceive.
__extension__ using PageSum = unsigned __int128;

constexpr uint64_t kPageBytes = 4096;

// Of the part of a disk that begins at `offset`. A part that begins or ends inside a page counts
// what it holds of the page, so that sums add up where their parts meet on pages.
PageSum page_sum(const uint8_t* bytes, uint64_t offset, uint64_t length);

Napi::BigInt sum_to_js(Napi::Env env, PageSum sum);
// False after throwing a TypeError or RangeError. Undefined is 0.
bool read_sum(const Napi::Object& object, const char* name, PageSum& out);
