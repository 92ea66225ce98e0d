//! The two layouts of ternary matrices in memory.
//!
//! **Rows** (every kernel but `lut`): row after row, 64 weights in 16 bytes; byte `p` holds the 2-bit codes
//! (`weight + 1`) of columns `p`, `16 + p`, `32 + p`, `48 + p` from its low bits up. Columns are padded to 64 with code
//! 0 (their activations are 0), rows to a multiple of 4.
//!
//! **Tiles** (`lut`): 16 rows side by side; for every four columns, 16 bytes, one per row, whose low nibble is the
//! index of the first pair of columns and whose high nibble that of the second. The index of `(w0, w1)` is
//! `3 (w0 + 1) + w1 + 1`. Columns are padded to 4 with weight 0, rows to a multiple of 64.
//!
//! Work on both is cut into *units* of four rows (or tiles) that lie a quarter of the matrix apart: a hardware
//! prefetcher follows one stream in each, and four streams read memory two to three times as fast as one.

/// Columns of one step of the row layout.
pub(super) const CHUNK: usize = 64;
/// Rows of a tile.
pub(super) const TILE_ROWS: usize = 16;
/// Tokens of a batch that is multiplied together are padded to a multiple of these.
pub(super) const BATCH_MULTIPLE: usize = 16;
/// Columns of a batch whose products always add up within 16 bits: 256 of at most 127 make 32512.
pub(super) const BATCH_COLS: usize = 256;
/// Streams that one unit reads.
pub(super) const STREAMS: usize = 4;

/// Where a matrix's rows are, in the row layout.
#[derive(Clone, Copy, Debug)]
pub(super) struct RowLayout {
    /// Bytes from one row to the next.
    pub(super) stride: usize,
    /// Rows from one stream of a unit to the next; also the number of units.
    pub(super) quarter: usize,
}

impl RowLayout {
    pub(super) const fn new(rows: usize, cols: usize) -> Self {
        Self { stride: padded_cols(cols) / 4, quarter: rows.div_ceil(STREAMS) }
    }

    pub(super) const fn bytes(self) -> usize {
        self.stride * self.quarter * STREAMS
    }

    /// Packs one row of codes in {-1, 0, 1}.
    pub(super) fn pack(self, data: &mut [u8], row: usize, codes: &[i8]) {
        let out = &mut data[row * self.stride..][..self.stride];
        let mut chunks = codes.chunks_exact(CHUNK);
        for (codes, out) in chunks.by_ref().zip(out.chunks_exact_mut(16)) {
            pack_chunk(codes, out);
        }
        let rest = chunks.remainder();
        if !rest.is_empty() {
            let mut padded = [-1; CHUNK];
            padded[..rest.len()].copy_from_slice(rest);
            let at = out.len() - 16;
            pack_chunk(&padded, &mut out[at..]);
        }
    }
}

/// 64 codes to 16 bytes; whole slices at a time, so that it is vectorized.
fn pack_chunk(codes: &[i8], out: &mut [u8]) {
    out.fill(0);
    for (field, codes) in codes.chunks_exact(16).enumerate() {
        for (byte, &code) in out.iter_mut().zip(codes) {
            *byte |= ((code + 1) as u8) << (2 * field);
        }
    }
}

/// `cols` rounded up to whole chunks.
pub(super) const fn padded_cols(cols: usize) -> usize {
    cols.next_multiple_of(CHUNK)
}

/// Where a matrix's tiles are, in the tile layout.
#[derive(Clone, Copy, Debug)]
pub(super) struct TileLayout {
    /// Bytes of a tile.
    pub(super) stride: usize,
    /// Tiles from one stream of a unit to the next; also the number of units.
    pub(super) quarter: usize,
}

impl TileLayout {
    pub(super) const fn new(rows: usize, cols: usize) -> Self {
        Self { stride: cols.div_ceil(4) * TILE_ROWS, quarter: rows.div_ceil(TILE_ROWS * STREAMS) }
    }

    pub(super) const fn bytes(self) -> usize {
        self.stride * self.quarter * STREAMS
    }

    /// Packs one row of codes in {-1, 0, 1}.
    pub(super) fn pack(self, data: &mut [u8], row: usize, codes: &[i8]) {
        let tile = &mut data[row / TILE_ROWS * self.stride..][..self.stride];
        let index = |pair: &[i8]| {
            let weight = |i: usize| pair.get(i).map_or(1, |w| w + 1);
            (3 * weight(0) + weight(1)) as u8
        };
        for (quad, out) in codes.chunks(4).zip(tile.iter_mut().skip(row % TILE_ROWS).step_by(TILE_ROWS)) {
            let (first, second) = quad.split_at(quad.len().min(2));
            *out = index(first) | index(second) << 4;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chunk_is_interleaved_by_16() {
        let mut codes = [0_i8; 64];
        (codes[5], codes[21], codes[37], codes[53]) = (1, -1, 0, 1);
        let layout = RowLayout::new(1, 64);
        let mut data = vec![0; layout.bytes()];
        layout.pack(&mut data, 0, &codes);
        assert_eq!(data[5], 0b10_01_00_10);
        assert_eq!(data[4], 0b01_01_01_01);
    }

    #[test]
    fn a_tile_puts_16_rows_side_by_side() {
        let layout = TileLayout::new(20, 6);
        assert_eq!((layout.stride, layout.quarter), (32, 1));
        let mut data = vec![0; layout.bytes()];
        layout.pack(&mut data, 17, &[1, -1, 0, 1, -1, 1]);
        let row = |quad: usize| data[32 + 16 * quad + 1];
        assert_eq!(row(0), 6 | 5 << 4);
        assert_eq!(row(1), 2 | 4 << 4); // the padding is a pair of zeros
    }
}
