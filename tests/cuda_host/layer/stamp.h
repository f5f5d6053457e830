// Who touched a byte, when: a word to compare. Two accesses are ordered when a barrier of the block lies
// between them, or within a warp a __syncwarp.
//   bits  63..54 launch   53..34 block   33..22 barriers of the block   21..13 warp barriers
//         12 atomic   11 read by several warps   10 read by several lanes   9..0 thread
#pragma once
#include <cstdint>

namespace swift::cuda_host {

struct Stamp {
  static constexpr uint64_t kLaunches = 1024;  // that have stamps of their own
  static constexpr uint64_t kAtomic = 1 << 12;
  static constexpr uint64_t kWarps = 1 << 11;
  static constexpr uint64_t kLanes = 1 << 10;
  static constexpr uint64_t kThread = 1023;

  static uint64_t make(uint64_t launch, uint64_t block, uint64_t barriers, uint64_t warp_barriers,
                       uint64_t thread) {
    return launch % kLaunches << 54 | (block & 0xFFFFF) << 34 | (barriers & 4095) << 22 |
           (warp_barriers & 511) << 13 | (thread & kThread);
  }
  static bool same_launch(uint64_t a, uint64_t b) { return (a >> 54) == (b >> 54); }
  static uint64_t block(uint64_t a) { return a >> 34 & 0xFFFFF; }
  static uint64_t thread(uint64_t a) { return a & kThread; }
  static bool same_warp(uint64_t a, uint64_t b) { return (a >> 5 & 31) == (b >> 5 & 31); }
  static bool same_block_phase(uint64_t a, uint64_t b) { return (a >> 22) == (b >> 22); }
  static bool same_warp_phase(uint64_t a, uint64_t b) { return (a >> 13) == (b >> 13); }

  // Whether `then` and `now`, of one block, are accesses of two threads that nothing orders.
  static bool unordered(uint64_t then, uint64_t now) {
    if (!same_block_phase(then, now)) return false;
    if ((then & kAtomic) != 0 && (now & kAtomic) != 0) return false;
    if ((then & kWarps) != 0) return true;
    const bool one_warp = same_warp(then, now);
    if (one_warp && !same_warp_phase(then, now)) return false;
    return !one_warp || (then & kLanes) != 0 || thread(then) != thread(now);
  }
  // The read stamp after `now` reads what `then` had read.
  static uint64_t merge_reads(uint64_t then, uint64_t now) {
    if (then == 0 || !same_block_phase(then, now)) return now;
    if ((then & kWarps) != 0) return then;
    if (!same_warp(then, now)) return now | kWarps;
    if (!same_warp_phase(then, now)) return now;
    return thread(then) != thread(now) || (then & kLanes) != 0 ? now | kLanes : now;
  }
};

}  // namespace swift::cuda_host
