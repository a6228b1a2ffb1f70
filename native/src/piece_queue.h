#pragma once

#include <array>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <mutex>

// What was read of a disk: bytes, or zeroes that lie nowhere.
struct Piece {
  uint64_t offset = 0;
  uint64_t length = 0;
  // Inside `memory`; null: zeroes.
  const uint8_t* bytes = nullptr;
  std::unique_ptr<uint8_t, void (*)(void*)> memory{nullptr, std::free};
};

// Hands pieces from one thread to one other in their order. There are only as many as it holds, and
// their memory is used again.
class PieceQueue {
 public:
  // `memory_bytes` is a multiple of `alignment`.
  PieceQueue(size_t alignment, size_t memory_bytes) {
    for (Piece& piece : pieces_)
      piece.memory.reset(static_cast<uint8_t*>(std::aligned_alloc(alignment, memory_bytes)));
  }

  // For the thread that fills: the next free piece, waited for; null when the other side has
  // closed.
  Piece* free_piece() {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [this] { return is_closed_ || filled_ < pieces_.size(); });
    return is_closed_ ? nullptr : &pieces_[(first_ + filled_) % pieces_.size()];
  }
  void hand_over() {
    const std::lock_guard<std::mutex> lock(mutex_);
    filled_ += 1;
    changed_.notify_one();
  }
  // No more pieces come.
  void end() {
    const std::lock_guard<std::mutex> lock(mutex_);
    is_ended_ = true;
    changed_.notify_one();
  }

  // For the thread that takes: the oldest piece, waited for; null when all were taken and none
  // comes.
  const Piece* oldest() {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [this] { return is_ended_ || filled_ > 0; });
    return filled_ > 0 ? &pieces_[first_] : nullptr;
  }
  void give_back() {
    const std::lock_guard<std::mutex> lock(mutex_);
    first_ = (first_ + 1) % pieces_.size();
    filled_ -= 1;
    changed_.notify_one();
  }
  // No more pieces are taken.
  void close() {
    const std::lock_guard<std::mutex> lock(mutex_);
    is_closed_ = true;
    changed_.notify_one();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::array<Piece, 4> pieces_;
  size_t first_ = 0;
  size_t filled_ = 0;
  bool is_ended_ = false;
  bool is_closed_ = false;
};
