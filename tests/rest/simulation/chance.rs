//! Where chance comes from.

use std::collections::VecDeque;

pub enum Chance {
    /// Repeats with the same seed: `SplitMix64`.
    Seed(u64),
    /// A fuzzer's bytes; after the last one, nothing happens any more.
    #[allow(dead_code, reason = "only `fuzz/` uses it")]
    Bytes(VecDeque<u8>),
}

impl Chance {
    /// Returns a number from 0 up to but not including `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        match self {
            Self::Seed(state) => {
                *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
                let z = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
                let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
                (z ^ (z >> 31)) % end.max(1)
            }
            Self::Bytes(bytes) => {
                let last = end.saturating_sub(1);
                // As few bytes as hold the last number.
                let len = last.checked_ilog2().map_or(0, |bits| bits as usize / 8 + 1);
                if bytes.len() < len {
                    bytes.clear();
                    return last;
                }
                bytes.drain(..len).fold(0, |number, byte| number << 8 | u64::from(byte)) % end.max(1)
            }
        }
    }

    pub fn index(&mut self, len: usize) -> usize {
        usize::try_from(self.below(len as u64)).unwrap()
    }

    /// 0 is never.
    pub fn one_in(&mut self, n: u64) -> bool {
        n > 0 && self.below(n) == 0
    }

    pub fn pick<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.index(all.len())]
    }
}
