//! Keys and values in int8, laid out for the loop in `pairs.rs`.

use super::super::buffer::{try_copied, try_filled};
use super::super::rounding::{largest_magnitude, round_to_i8};
use super::pairs::{Codes, WIDE};
use super::{HeadShape, KV_BLOCK};

/// Keys and values of [`KV_BLOCK`] positions of one layer: int8 codes, with one step for each head of each position.
#[derive(Debug)]
pub struct Int8Block {
    head_dim: usize,
    /// `[n_kv_heads, KV_BLOCK / 8, head_dim / 2]`
    keys: Vec<Codes>,
    /// `[n_kv_heads, KV_BLOCK]`
    pub(super) key_steps: Vec<f32>,
    /// `[n_kv_heads, head_dim / 8, KV_BLOCK / 2]`
    values: Vec<Codes>,
    /// `[n_kv_heads, KV_BLOCK]`
    pub(super) value_steps: Vec<f32>,
}

impl Int8Block {
    const fn key_codes(head_dim: usize) -> usize {
        KV_BLOCK / WIDE * head_dim.div_ceil(2)
    }

    const fn value_codes(head_dim: usize) -> usize {
        head_dim.div_ceil(WIDE) * (KV_BLOCK / 2)
    }

    /// The bytes of a block.
    pub const fn bytes(shape: HeadShape) -> usize {
        let codes = Self::key_codes(shape.head_dim) + Self::value_codes(shape.head_dim);
        shape.n_kv_heads * (codes * size_of::<Codes>() + 2 * KV_BLOCK * size_of::<f32>())
    }

    /// A block of zeros; `None` if there is no memory for it.
    pub fn new(shape: HeadShape) -> Option<Self> {
        let HeadShape { n_kv_heads, head_dim, .. } = shape;
        Some(Self {
            head_dim,
            keys: try_filled(n_kv_heads * Self::key_codes(head_dim), [0; 2 * WIDE])?,
            key_steps: try_filled(n_kv_heads * KV_BLOCK, 0.0)?,
            values: try_filled(n_kv_heads * Self::value_codes(head_dim), [0; 2 * WIDE])?,
            value_steps: try_filled(n_kv_heads * KV_BLOCK, 0.0)?,
        })
    }

    /// Rounds and stores the position that stands at `slot` of the block; `k` and `v` are `[n_kv_heads, head_dim]`.
    pub fn store(&mut self, slot: usize, k: &[f32], v: &[f32]) {
        let head_dim = self.head_dim;
        for (head, k) in k.chunks_exact(head_dim).enumerate() {
            let (step, inverse) = step_of(k, i8::MAX.into());
            self.key_steps[head * KV_BLOCK + slot] = step;
            let group = self.key_group_mut(head, slot / WIDE);
            for (codes, k) in group.iter_mut().zip(k.chunks(2)) {
                for (code, k) in codes[slot % WIDE * 2..].iter_mut().zip(k) {
                    *code = round_to_i8(k * inverse);
                }
            }
        }
        for (head, v) in v.chunks_exact(head_dim).enumerate() {
            let (step, inverse) = step_of(v, i8::MAX.into());
            self.value_steps[head * KV_BLOCK + slot] = step;
            for (chunk, v) in v.chunks(WIDE).enumerate() {
                let codes = &mut self.values[head * Self::value_codes(head_dim) + chunk * (KV_BLOCK / 2) + slot / 2];
                for (lane, v) in v.iter().enumerate() {
                    codes[lane * 2 + slot % 2] = round_to_i8(v * inverse);
                }
            }
        }
    }

    /// A copy; `None` if there is no memory for it.
    pub fn try_clone(&self) -> Option<Self> {
        let Self { head_dim, keys, key_steps, values, value_steps } = self;
        Some(Self {
            head_dim: *head_dim,
            keys: try_copied(keys)?,
            key_steps: try_copied(key_steps)?,
            values: try_copied(values)?,
            value_steps: try_copied(value_steps)?,
        })
    }

    /// The bytes that [`write`](Self::write) gives for a position.
    pub const fn position_bytes(shape: HeadShape) -> usize {
        2 * shape.n_kv_heads * (size_of::<f32>() + shape.head_dim)
    }

    /// Appends keys, then values of the position at `slot`: for each head its step, f32 little-endian, and `head_dim`
    /// codes.
    pub fn write(&self, slot: usize, out: &mut Vec<u8>) {
        let head_dim = self.head_dim;
        for (head, steps) in self.key_steps.chunks_exact(KV_BLOCK).enumerate() {
            out.extend(steps[slot].to_le_bytes());
            let group = self.key_group(head, slot / WIDE);
            out.extend((0..head_dim).map(|i| group[i / 2][slot % WIDE * 2 + i % 2] as u8));
        }
        for (head, steps) in self.value_steps.chunks_exact(KV_BLOCK).enumerate() {
            out.extend(steps[slot].to_le_bytes());
            let codes = &self.values[head * Self::value_codes(head_dim)..];
            let code = |i: usize| codes[i / WIDE * (KV_BLOCK / 2) + slot / 2][i % WIDE * 2 + slot % 2];
            out.extend((0..head_dim).map(|i| code(i) as u8));
        }
    }

    /// Takes the position at `slot` from what [`write`](Self::write) gave.
    pub fn read(&mut self, slot: usize, bytes: &[u8]) {
        let head_dim = self.head_dim;
        let mut heads = bytes.chunks_exact(size_of::<f32>() + head_dim);
        for head in 0..self.key_steps.len() / KV_BLOCK {
            let Some((step, codes)) = heads.next().and_then(|head| head.split_first_chunk()) else { return };
            self.key_steps[head * KV_BLOCK + slot] = f32::from_le_bytes(*step);
            let group = self.key_group_mut(head, slot / WIDE);
            codes.iter().enumerate().for_each(|(i, &code)| group[i / 2][slot % WIDE * 2 + i % 2] = code as i8);
        }
        for head in 0..self.value_steps.len() / KV_BLOCK {
            let Some((step, codes)) = heads.next().and_then(|head| head.split_first_chunk()) else { return };
            self.value_steps[head * KV_BLOCK + slot] = f32::from_le_bytes(*step);
            let values = &mut self.values[head * Self::value_codes(head_dim)..];
            for (i, &code) in codes.iter().enumerate() {
                values[i / WIDE * (KV_BLOCK / 2) + slot / 2][i % WIDE * 2 + slot % 2] = code as i8;
            }
        }
    }

    fn key_group_mut(&mut self, head: usize, group: usize) -> &mut [Codes] {
        let len = self.head_dim.div_ceil(2);
        &mut self.keys[head * Self::key_codes(self.head_dim) + group * len..][..len]
    }

    /// The keys of 8 positions of one head, `[head_dim / 2]`.
    pub(super) fn key_group(&self, head: usize, group: usize) -> &[Codes] {
        let len = self.head_dim.div_ceil(2);
        &self.keys[head * Self::key_codes(self.head_dim) + group * len..][..len]
    }

    /// 8 dimensions of the values of one head at the first `2 * pairs` positions, `[pairs]`.
    pub(super) fn value_chunk(&self, head: usize, chunk: usize, pairs: usize) -> &[Codes] {
        &self.values[head * Self::value_codes(self.head_dim) + chunk * (KV_BLOCK / 2)..][..pairs]
    }
}

/// `(max |x| / bound, bound / max |x|)`, zeros for zeros: what a code up to `bound` stands for, and back.
pub(super) fn step_of(x: &[f32], bound: f32) -> (f32, f32) {
    let max = largest_magnitude(x);
    // Below this the quotient would overflow, and such numbers add nothing to any sum.
    if max < 1e-30 { (0.0, 0.0) } else { (max / bound, bound / max) }
}
