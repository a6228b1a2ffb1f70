#include "copy_setup.h"

#include <algorithm>
#include <cerrno>

#include "affinity.h"

bool connect_ends(const CopyOptions& options, const int (&wake)[2],
                  const std::function<bool()>& wanted, Ends& ends, Failure& failure) {
  Ends opened;
  opened.source = begin_connecting(options.source, failure);
  if (opened.source == nullptr) {
    failure.side = "source";
    return false;
  }
  if (options.mode != Mode::kHash) {
    opened.target = begin_connecting(options.target, failure);
    if (opened.target == nullptr) {
      failure.side = "target";
      return false;
    }
  }
  const int timeout_ms = static_cast<int>(options.request_timeout_ms);
  if (!finish_connecting(opened.source.get(), opened.target.get(), wake, wanted, timeout_ms,
                         failure))
    return false;
  ends = std::move(opened);
  return true;
}

namespace {

constexpr uint64_t kWorthAPair = uint64_t{64} << 20;

uint64_t advertised(nbd_handle* handle, int which, uint64_t otherwise) {
  const int64_t bytes = handle == nullptr ? 0 : nbd_get_block_size(handle, which);
  return bytes > 0 ? static_cast<uint64_t>(bytes) : otherwise;
}

bool refuse(Failure& failure, const char* op, int code, const char* side, const Range& range) {
  failure = Failure::of(op, code);
  failure.side = side;
  failure.offset = range.offset;
  failure.length = range.length;
  return false;
}

uint64_t round_down(uint64_t bytes, uint64_t unit) { return bytes / unit * unit; }

void choose_sizes(const CopyOptions& options, const Ends& ends, uint32_t lanes,
                  CopyShared& shared) {
  nbd_handle* const source = ends.source.get();
  nbd_handle* const target = ends.target.get();
  shared.grain = std::max({uint64_t{4096}, advertised(source, LIBNBD_SIZE_MINIMUM, 1),
                           advertised(target, LIBNBD_SIZE_MINIMUM, 1)});
  const uint64_t wanted = options.request_bytes != 0 ? options.request_bytes : 512 * 1024;
  // 32 MiB is what a server takes that advertises nothing (NBD spec, block size constraints).
  const uint64_t most =
      std::min({uint64_t{32} << 20, advertised(source, LIBNBD_SIZE_MAXIMUM, 32 << 20),
                advertised(target, LIBNBD_SIZE_MAXIMUM, 32 << 20)});
  shared.request_bytes = std::max(shared.grain, round_down(std::min(wanted, most), shared.grain));
  shared.depth = options.depth != 0 ? options.depth : (lanes > 1 ? 4 : 8);
}

uint64_t total_length(const CopyOptions& options) {
  uint64_t total = 0;
  for (const Range& extent : options.extents) total += extent.length;
  return total;
}

// A server may search the whole disk each time it is opened, so a short copy has one pair.
uint32_t worthwhile_lanes(const CopyOptions& options) {
  const uint64_t worthwhile = 1 + total_length(options) / kWorthAPair;
  return static_cast<uint32_t>(std::min<uint64_t>({usable_cpus(), 4, worthwhile}));
}

// Where extents are no longer than a request the map spares little, and a server may search the
// whole disk for it. What is zero there is found by the zero test.
bool is_map_worth_it(const CopyOptions& options, const CopyShared& shared) {
  if (options.map_use != MapUse::kWhereWorthIt) return options.map_use == MapUse::kAlways;
  return total_length(options) > options.extents.size() * shared.request_bytes;
}

}  // namespace

bool check_request(const CopyOptions& options, const Ends& ends, Failure& failure) {
  const int64_t source_size = nbd_get_size(ends.source.get());
  const bool has_target = ends.target != nullptr;
  const int64_t target_size = has_target ? nbd_get_size(ends.target.get()) : source_size;
  const uint64_t block = std::max(advertised(ends.source.get(), LIBNBD_SIZE_MINIMUM, 1),
                                  advertised(ends.target.get(), LIBNBD_SIZE_MINIMUM, 1));
  if (has_target && nbd_is_read_only(ends.target.get()) != 0)
    return refuse(failure, "nbd_pwrite", EROFS, "target", {});
  uint64_t end = 0;
  for (const Range& extent : options.extents) {
    if (extent.length == 0 || extent.offset < end)
      return refuse(failure, "copy", EINVAL, "", extent);
    end = extent.offset + extent.length;
    if (source_size < 0 || end > static_cast<uint64_t>(source_size))
      return refuse(failure, "copy", ERANGE, "source", extent);
    if (target_size < 0 || end > static_cast<uint64_t>(target_size))
      return refuse(failure, "copy", ENOSPC, "target", extent);
    if (extent.offset % block != 0 || end % block != 0)
      return refuse(failure, "copy", EINVAL, "", extent);
  }
  return true;
}

PieceSizes choose(const CopyOptions& options, const Ends& ends, CopyShared& shared,
                  CopyOutcome& outcome) {
  nbd_handle* const source = ends.source.get();
  nbd_handle* const target = ends.target.get();
  const bool source_multi = nbd_can_multi_conn(source) == 1;
  const bool target_multi = target == nullptr || nbd_can_multi_conn(target) == 1;
  if (!source_multi) outcome.fallbacks.push_back("source-single-connection");
  if (!target_multi) outcome.fallbacks.push_back("target-single-connection");
  const uint32_t wanted =
      options.connections != 0 ? options.connections : worthwhile_lanes(options);
  outcome.connections = source_multi && target_multi ? wanted : 1;

  choose_sizes(options, ends, outcome.connections, shared);
  outcome.request_bytes = shared.request_bytes;
  outcome.depth = shared.depth;
  shared.mode = options.mode;
  shared.request_timeout_ms = options.request_timeout_ms;
  shared.target_is_zero = options.target_is_zero;
  shared.target_can_zero = target != nullptr && nbd_can_zero(target) == 1;
  shared.target_can_fast_zero = shared.target_can_zero && nbd_can_fast_zero(target) == 1;
  shared.target_can_flush = target != nullptr && nbd_can_flush(target) == 1;
  if (target != nullptr && !shared.target_can_zero)
    outcome.fallbacks.push_back("target-has-no-zero");
  if (target != nullptr && !shared.target_can_flush)
    outcome.fallbacks.push_back("target-has-no-flush");
  const bool has_map = nbd_can_meta_context(source, LIBNBD_CONTEXT_BASE_ALLOCATION) == 1;
  outcome.reads_map = shared.reads_map = has_map && is_map_worth_it(options, shared);
  if (!has_map) outcome.fallbacks.push_back("source-has-no-allocation-map");

  PieceSizes sizes;
  sizes.grain = shared.grain;
  if (options.hash != HashKind::kNone) {
    // A block is hashed where it lies, so no piece may end inside one.
    sizes.grain = std::max<uint64_t>(options.hash_block_bytes, shared.grain);
    shared.request_bytes = std::max(sizes.grain, round_down(shared.request_bytes, sizes.grain));
    outcome.request_bytes = shared.request_bytes;
  }
  sizes.data = shared.request_bytes;
  const uint64_t long_zero = std::max(sizes.grain, round_down(uint64_t{256} << 20, sizes.grain));
  sizes.zero = options.mode == Mode::kCompare ? sizes.data : long_zero;
  return sizes;
}
