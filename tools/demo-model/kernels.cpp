// The parts of a training step between the matrix products, fused by hand: what a compiler of graphs left in
// some twenty passes over memory is one pass a row here. Plain loops, written so that the compiler vectorizes them
// (-O3 -march=native -ffast-math). One file, although long: one compilation for `fused.py`, which calls them; rows are tokens, matrices are row-major, bf16 is uint16_t.

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>
#if defined(__AVX512F__)
#include <immintrin.h>
#endif
#if defined(__AMX_BF16__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

typedef uint16_t b16;
static const float EPS = 1e-5f;

static inline float up(b16 v) { return std::bit_cast<float>((uint32_t)v << 16); }

static inline b16 down(float f) {
    uint32_t u = std::bit_cast<uint32_t>(f);
    return (u + 0x7fff + ((u >> 16) & 1)) >> 16;
}

// e^x to about 1e-7 of itself, for x <= 0; 0 where x is below -87.
static inline float exp_(float x) {
    float t = std::max(x, -87.0f) * 1.44269504f, k = rintf(t), f = t - k;
    float p = 1.0f + f * (0.693147181f + f * (0.240226507f + f * (0.0555041087f + f * (0.00961812911f + f * 0.00133335581f))));
    return x < -87.0f ? 0 : p * std::bit_cast<float>(((int32_t)k + 127) << 23);
}

static inline float inverse_rms(int d, const float *x) {
    float s = 0;
    for (int i = 0; i < d; i++) s += x[i] * x[i];
    return 1.0f / sqrtf(s / d + EPS);
}

// y = x * r * w to int8 codes (kept as bf16, which holds them exactly); `inv` is the step, absmax / 127.
static inline void quantize(int d, const float *x, float r, const float *w, b16 *codes, float *inv) {
    float top = 1e-5f;
    for (int i = 0; i < d; i++) top = std::max(top, fabsf(x[i] * r * w[i]));
    float s = r * 127.0f / top;
    for (int i = 0; i < d; i++) codes[i] = std::bit_cast<uint32_t>(rintf(x[i] * s * w[i])) >> 16;
    *inv = top / 127.0f;
}

// Gradient of y = x * r * w at x, given dy = dc * s; adds the gain's own gradient to dw.
static inline void norm_gradient(int d, const b16 *dc, float s, const float *x, float r, const float *w, float *dx, float *dw, bool add) {
    float dot = 0;
    for (int i = 0; i < d; i++) {
        float dy = up(dc[i]) * s;
        dw[i] += dy * x[i] * r;
        dot += dy * w[i] * x[i];
    }
    float m = dot * r * r * r / d;
    if (add)
        for (int i = 0; i < d; i++) dx[i] += up(dc[i]) * s * w[i] * r - x[i] * m;
    else
        for (int i = 0; i < d; i++) dx[i] = up(dc[i]) * s * w[i] * r - x[i] * m;
}

// Products of bf16 in tiles of 16 x 32 by 32 x 16, in the layouts of AMX: the right operand holds pairs of its rows as
// 32-bit values ("paired"), and so does a transposed left one.
static const int TILE = 16 * 32;

#ifdef __AMX_BF16__
// All eight tiles 16 rows of 64 bytes while this object lives; then what the matrix library had set is back.
struct Tiles {
    alignas(64) uint8_t before[64];
    Tiles() {
        static thread_local const long allowed = syscall(SYS_arch_prctl, 0x1023, 18);
        (void)allowed;
        alignas(64) uint8_t c[64] = {1};
        for (int i = 0; i < 8; i++) c[16 + 2 * i] = 64, c[48 + i] = 16;
        _tile_storeconfig(before);
        _tile_loadconfig(c);
    }
    ~Tiles() { _tile_loadconfig(before); }
};

// C[16, 16 * N] (+)= A[16, 32 * k] B. A: rows `lda` and steps `as` apart; B: paired tiles, `bk` and `bn` apart.
template <int N>
static inline void strip(int k, const b16 *A, int lda, int as, const b16 *B, int bk, int bn, float *C, int ldc, bool add) {
    if (add) {
        _tile_loadd(0, C, ldc * 4);
        if (N > 1) _tile_loadd(1, C + 16, ldc * 4);
        if (N > 2) _tile_loadd(2, C + 32, ldc * 4);
        if (N > 3) _tile_loadd(3, C + 48, ldc * 4);
    } else {
        _tile_zero(0); _tile_zero(1); _tile_zero(2); _tile_zero(3);
    }
    for (int i = 0; i < k; i++, A += as, B += bk) {
        _tile_loadd(4, A, lda * 2);
        _tile_loadd(5, B, 64);
        _tile_dpbf16ps(0, 4, 5);
        if (N > 1) { _tile_loadd(6, B + bn, 64); _tile_dpbf16ps(1, 4, 6); }
        if (N > 2) { _tile_loadd(7, B + 2 * bn, 64); _tile_dpbf16ps(2, 4, 7); }
        if (N > 3) { _tile_loadd(5, B + 3 * bn, 64); _tile_dpbf16ps(3, 4, 5); }
    }
    _tile_stored(0, C, ldc * 4);
    if (N > 1) _tile_stored(1, C + 16, ldc * 4);
    if (N > 2) _tile_stored(2, C + 32, ldc * 4);
    if (N > 3) _tile_stored(3, C + 48, ldc * 4);
}
#elif defined(__AVX512BF16__)
struct Tiles {};

// The same from 512-bit dot products of pairs, six rows at a time: 24 sums are what the registers hold beside B.
template <int N, int R>
static inline void rows(int k, const b16 *A, int lda, int as, const b16 *B, int bk, int bn, float *C, int ldc, bool add) {
    __m512 c[R][N];
    for (int r = 0; r < R; r++)
        for (int n = 0; n < N; n++) c[r][n] = add ? _mm512_loadu_ps(C + r * ldc + 16 * n) : _mm512_setzero_ps();
    for (int i = 0; i < k; i++, A += as, B += bk)
        for (int p = 0; p < 16; p++) {
            __m512bh b[N];
            for (int n = 0; n < N; n++) b[n] = (__m512bh)_mm512_loadu_si512(B + n * bn + 32 * p);
            for (int r = 0; r < R; r++) {
                uint32_t pair;
                memcpy(&pair, A + r * lda + 2 * p, 4);
                __m512bh a = (__m512bh)_mm512_set1_epi32(pair);
                for (int n = 0; n < N; n++) c[r][n] = _mm512_dpbf16_ps(c[r][n], a, b[n]);
            }
        }
    for (int r = 0; r < R; r++)
        for (int n = 0; n < N; n++) _mm512_storeu_ps(C + r * ldc + 16 * n, c[r][n]);
}

template <int N>
static inline void strip(int k, const b16 *A, int lda, int as, const b16 *B, int bk, int bn, float *C, int ldc, bool add) {
    rows<N, 6>(k, A, lda, as, B, bk, bn, C, ldc, add);
    rows<N, 6>(k, A + 6 * lda, lda, as, B, bk, bn, C + 6 * ldc, ldc, add);
    rows<N, 4>(k, A + 12 * lda, lda, as, B, bk, bn, C + 12 * ldc, ldc, add);
}
#else
struct Tiles {};

template <int N>
static inline void strip(int k, const b16 *A, int lda, int as, const b16 *B, int bk, int bn, float *C, int ldc, bool add) {
    for (int r = 0; r < 16; r++)
        for (int n = 0; n < N; n++) {
            float s[16] = {};
            for (int i = 0; i < k; i++)
                for (int p = 0; p < 16; p++) {
                    float x = up(A[r * lda + i * as + 2 * p]), y = up(A[r * lda + i * as + 2 * p + 1]);
                    const b16 *b = B + i * bk + n * bn + 32 * p;
                    for (int c = 0; c < 16; c++) s[c] += x * up(b[2 * c]) + y * up(b[2 * c + 1]);
                }
            for (int c = 0; c < 16; c++) C[r * ldc + 16 * n + c] = s[c] + (add ? C[r * ldc + 16 * n + c] : 0);
        }
}
#endif

// C[32, 32] += A B for two packed left and two packed right rows of `k` tiles.
static void block2(int k, const b16 *A, int an, const b16 *B, int bn, float *C, int ldc) {
#ifdef __AMX_BF16__
    float *low = C + (size_t)16 * ldc;
    _tile_loadd(0, C, ldc * 4); _tile_loadd(1, C + 16, ldc * 4); _tile_loadd(2, low, ldc * 4); _tile_loadd(3, low + 16, ldc * 4);
    for (int i = 0; i < k; i++, A += TILE, B += TILE) {
        _tile_loadd(4, A, 64); _tile_loadd(6, B, 64); _tile_loadd(5, A + an, 64); _tile_loadd(7, B + bn, 64);
        _tile_dpbf16ps(0, 4, 6);
        _tile_dpbf16ps(1, 4, 7);
        _tile_dpbf16ps(2, 5, 6);
        _tile_dpbf16ps(3, 5, 7);
    }
    _tile_stored(0, C, ldc * 4); _tile_stored(1, C + 16, ldc * 4); _tile_stored(2, low, ldc * 4); _tile_stored(3, low + 16, ldc * 4);
#else
    strip<2>(k, A, 32, TILE, B, TILE, bn, C, ldc, true);
    strip<2>(k, A + an, 32, TILE, B, TILE, bn, C + (size_t)16 * ldc, ldc, true);
#endif
}

static void row_block(int tiles, int k, const b16 *A, int lda, int as, const b16 *B, int bk, int bn, float *C, int ldc, bool add) {
    for (int n = 0; n < tiles; n += 4) {
        const b16 *b = B + n * bn;
        float *c = C + 16 * n;
        switch (std::min(4, tiles - n)) {
        case 4: strip<4>(k, A, lda, as, b, bk, bn, c, ldc, add); break;
        case 3: strip<3>(k, A, lda, as, b, bk, bn, c, ldc, add); break;
        case 2: strip<2>(k, A, lda, as, b, bk, bn, c, ldc, add); break;
        default: strip<1>(k, A, lda, as, b, bk, bn, c, ldc, add);
        }
    }
}

// 16 x 16 values of 32 bits.
static inline void transpose(const uint32_t *x, int ld, uint32_t *out) {
#ifdef __AVX512F__
    __m512i a[16], b[16];
    for (int i = 0; i < 16; i++) a[i] = _mm512_loadu_si512(x + i * ld);
    for (int i = 0; i < 16; i += 2) b[i] = _mm512_unpacklo_epi32(a[i], a[i + 1]), b[i + 1] = _mm512_unpackhi_epi32(a[i], a[i + 1]);
    for (int i = 0; i < 16; i += 4)
        for (int j = 0; j < 2; j++)
            a[i + 2 * j] = _mm512_unpacklo_epi64(b[i + j], b[i + j + 2]), a[i + 2 * j + 1] = _mm512_unpackhi_epi64(b[i + j], b[i + j + 2]);
    for (int i = 0; i < 16; i += 8)
        for (int j = 0; j < 4; j++)
            b[i + j] = _mm512_shuffle_i32x4(a[i + j], a[i + j + 4], 0x88), b[i + j + 4] = _mm512_shuffle_i32x4(a[i + j], a[i + j + 4], 0xdd);
    for (int j = 0; j < 8; j++) {
        _mm512_storeu_si512(out + 16 * j, _mm512_shuffle_i32x4(b[j], b[j + 8], 0x88));
        _mm512_storeu_si512(out + 16 * (j + 8), _mm512_shuffle_i32x4(b[j], b[j + 8], 0xdd));
    }
#else
    for (int i = 0; i < 16; i++)
        for (int j = 0; j < 16; j++) out[j * 16 + i] = x[i * ld + j];
#endif
}

// 32 rows of 16 columns as a paired tile: 16 rows of 16 pairs.
static inline void pair(const b16 *x, int ld, uint32_t *out) {
    for (int p = 0; p < 16; p++) {
        const b16 *a = x + (size_t)2 * p * ld, *b = a + ld;
#ifdef __AVX512F__
        __m512i low = _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)a)), high = _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)b));
        _mm512_storeu_si512(out + 16 * p, _mm512_or_si512(low, _mm512_slli_epi32(high, 16)));
#else
        for (int c = 0; c < 16; c++) out[16 * p + c] = a[c] | (uint32_t)b[c] << 16;
#endif
    }
}

// The same 32 x 16 block transposed, as a left operand of 16 rows.
static inline void pair_transposed(const b16 *x, int ld, uint32_t *out) {
    uint32_t t[256];
    pair(x, ld, t);
    transpose(t, 16, out);
}

extern "C" {

void embed(int n, int d, const int *tokens, const float *e, float *x) {
    for (int t = 0; t < n; t++) memcpy(x + (size_t)t * d, e + (size_t)tokens[t] * d, 4 * d);
}

void embed_back(int n, int d, const int *tokens, const float *dx, float *de) {
    for (int t = 0; t < n; t++) {
        float *o = de + (size_t)tokens[t] * d;
        for (int i = 0; i < d; i++) o[i] += dx[(size_t)t * d + i];
    }
}

void norm_quant(int n, int d, const float *x, const float *w, b16 *codes, float *inv, float *r) {
    for (int t = 0; t < n; t++) {
        const float *row = x + (size_t)t * d;
        r[t] = inverse_rms(d, row);
        quantize(d, row, r[t], w, codes + (size_t)t * d, inv + t);
    }
}

void norm_quant_back(int n, int d, const b16 *dc, const float *inv, const float *x, const float *r, const float *w, float *dx, float *dw, int add) {
    for (int t = 0; t < n; t++) {
        size_t o = (size_t)t * d;
        norm_gradient(d, dc + o, 1.0f / inv[t], x + o, r[t], w, dx + o, dw, add);
    }
}

// The last norm, at chosen rows only, for the tied head.
void norm_rows(int n, int d, const int *rows, const float *x, const float *w, b16 *out, float *r) {
    for (int t = 0; t < n; t++) {
        const float *row = x + (size_t)rows[t] * d;
        r[t] = inverse_rms(d, row);
        for (int i = 0; i < d; i++) out[(size_t)t * d + i] = down(row[i] * r[t] * w[i]);
    }
}

void norm_rows_back(int n, int d, const int *rows, const b16 *dy, const float *x, const float *r, const float *w, float *dx, float *dw) {
    for (int t = 0; t < n; t++)
        norm_gradient(d, dy + (size_t)t * d, 1.0f, x + (size_t)rows[t] * d, r[t], w, dx + (size_t)rows[t] * d, dw, false);
}

// out = x + z * step, and the gradient's way back into z.
void residual(int n, int d, const float *x, const b16 *z, const float *inv, const float *scale, float *out) {
    for (int t = 0; t < n; t++) {
        float s = inv[t] * *scale;
        for (size_t i = (size_t)t * d, e = i + d; i < e; i++) out[i] = x[i] + up(z[i]) * s;
    }
}

void residual_back(int n, int d, const float *dx, const float *inv, const float *scale, b16 *dz) {
    for (int t = 0; t < n; t++) {
        float s = inv[t] * *scale;
        for (size_t i = (size_t)t * d, e = i + d; i < e; i++) dz[i] = down(dx[i] * s);
    }
}

// Squared ReLU gate, its norm and quantizer. z holds gate and up side by side; scale has one value for each.
void gate_quant(int n, int f, const b16 *z, const float *inv_in, const float *scale, const float *w, b16 *codes, float *inv, float *r) {
    std::vector<float> h(f);
    for (int t = 0; t < n; t++) {
        const b16 *g = z + (size_t)t * 2 * f, *u = g + f;
        float a = inv_in[t] * scale[0], b = inv_in[t] * scale[1];
        for (int i = 0; i < f; i++) {
            float x = std::max(0.0f, up(g[i]) * a);
            h[i] = x * x * up(u[i]) * b;
        }
        r[t] = inverse_rms(f, h.data());
        quantize(f, h.data(), r[t], w, codes + (size_t)t * f, inv + t);
    }
}

void gate_back(int n, int f, const b16 *dc, const float *inv, const b16 *z, const float *inv_in, const float *scale, const float *r, const float *w, b16 *dz, float *dw) {
    std::vector<float> h(f), dh(f);
    for (int t = 0; t < n; t++) {
        const b16 *g = z + (size_t)t * 2 * f, *u = g + f;
        b16 *dg = dz + (size_t)t * 2 * f, *du = dg + f;
        float a = inv_in[t] * scale[0], b = inv_in[t] * scale[1];
        for (int i = 0; i < f; i++) {
            float x = std::max(0.0f, up(g[i]) * a);
            h[i] = x * x * up(u[i]) * b;
        }
        norm_gradient(f, dc + (size_t)t * f, 1.0f / inv[t], h.data(), r[t], w, dh.data(), dw, false);
        for (int i = 0; i < f; i++) {
            float x = std::max(0.0f, up(g[i]) * a), y = up(u[i]) * b;
            dg[i] = down(2.0f * x * y * dh[i] * a);
            du[i] = down(x * x * dh[i] * b);
        }
    }
}

// z [n, (heads + 2 kv) * hd] to its true size, with rotary positions; queries also get the 1/sqrt(hd). scale: one each for q, k, v.
void rope(int n, int heads, int kv, int hd, const b16 *z, const float *inv, const float *scale, const int *pos, const float *cos, const float *sin, b16 *out) {
    int all = heads + 2 * kv, half = hd / 2;
    for (int t = 0; t < n; t++)
        for (int h = 0; h < all; h++) {
            size_t o = ((size_t)t * all + h) * hd;
            float s = inv[t] * (h < heads ? scale[0] / sqrtf(hd) : h < heads + kv ? scale[1] : scale[2]);
            if (h >= heads + kv) {
                for (int i = 0; i < hd; i++) out[o + i] = down(up(z[o + i]) * s);
                continue;
            }
            const float *c = cos + pos[t] * hd, *q = sin + pos[t] * hd;
            for (int i = 0; i < half; i++) {
                float x = up(z[o + i]) * s, y = up(z[o + i + half]) * s;
                out[o + i] = down(x * c[i] - y * q[i]);
                out[o + i + half] = down(y * c[i] + x * q[i]);
            }
        }
}

void rope_back(int n, int heads, int kv, int hd, const float *d, const float *inv, const float *scale, const int *pos, const float *cos, const float *sin, b16 *dz) {
    int all = heads + 2 * kv, half = hd / 2;
    for (int t = 0; t < n; t++)
        for (int h = 0; h < all; h++) {
            size_t o = ((size_t)t * all + h) * hd;
            float s = inv[t] * (h < heads ? scale[0] / sqrtf(hd) : h < heads + kv ? scale[1] : scale[2]);
            if (h >= heads + kv) {
                for (int i = 0; i < hd; i++) dz[o + i] = down(d[o + i] * s);
                continue;
            }
            const float *c = cos + pos[t] * hd, *q = sin + pos[t] * hd;
            for (int i = 0; i < half; i++) {
                float x = d[o + i] * s, y = d[o + i + half] * s;
                dz[o + i] = down(x * c[i] + y * q[i]);
                dz[o + i + half] = down(y * c[i] - x * q[i]);
            }
        }
}

// grad[M, N] += dz[n, M]^T codes[n, N].
void weight_gradient(int n, int M, int N, const b16 *dz, const b16 *codes, float *grad) {
    static thread_local std::vector<uint32_t> left, right;
    Tiles set;
    const int CHUNK = 16;  // blocks of 32 tokens at a time, so that a strip of packed codes stays in the first cache
    left.resize(M / 16 * CHUNK * 256);
    right.resize(N / 16 * CHUNK * 256);
    for (int k0 = 0; k0 < n / 32; k0 += CHUNK) {
        int k = std::min(CHUNK, n / 32 - k0);
        for (int i = 0; i < k; i++) {
            const b16 *a = dz + (size_t)(k0 + i) * 32 * M, *b = codes + (size_t)(k0 + i) * 32 * N;
            for (int m = 0; m < M / 16; m++) pair_transposed(a + 16 * m, M, &left[(m * CHUNK + i) * 256]);
            for (int j = 0; j < N / 16; j++) pair(b + 16 * j, N, &right[(j * CHUNK + i) * 256]);
        }
        const b16 *a = (const b16 *)left.data(), *b = (const b16 *)right.data();
        for (int m = 0; m < M / 16; m += 2)
            for (int j = 0; j < N / 16; j += 2) block2(k, a + (size_t)m * CHUNK * TILE, CHUNK * TILE, b + (size_t)j * CHUNK * TILE, CHUNK * TILE, grad + (size_t)m * 16 * N + 16 * j, N);
    }
}

// Causal attention inside each document [starts[i], starts[i + 1]). Buffers have 32 rows to spare behind the last
// one, because whole blocks are computed; what a document writes past its end the next one overwrites.
void attend(int docs, const int *starts, int heads, int kv, int hd, const b16 *qkv, float *out, float *lse) {
    int ld = (heads + 2 * kv) * hd, lo = heads * hd, hk = hd / 32, hn = hd / 16;
    std::vector<uint32_t> kt, vp;
    std::vector<float> S;
    std::vector<b16> P;
    Tiles set;
    for (int d = 0; d < docs; d++) {
        int T = starts[d + 1] - starts[d], B = (T + 31) / 32, W = 32 * B;
        kt.resize(2 * B * hk * 256);
        vp.resize(B * hn * 256);
        S.resize(16 * W);
        P.resize(16 * W);
        const b16 *x = qkv + (size_t)starts[d] * ld;
        float *o = out + (size_t)starts[d] * lo;
        for (int g = 0; g < kv; g++) {
            const b16 *k = x + (heads + g) * hd, *v = k + kv * hd;
            for (int j = 0; j < (T + 15) / 16; j++)
                for (int c = 0; c < hk; c++) transpose((const uint32_t *)(k + (size_t)16 * j * ld + 32 * c), ld / 2, &kt[(j * hk + c) * 256]);
            for (int j = 0; j < B; j++)
                for (int c = 0; c < hn; c++) pair(v + (size_t)32 * j * ld + 16 * c, ld, &vp[(j * hn + c) * 256]);
            for (int h = g * heads / kv; h < (g + 1) * heads / kv; h++)
                for (int i0 = 0; i0 < T; i0 += 16) {
                    int n = i0 / 16 + 1, wide = (n + 1) / 2 * 32;
                    row_block(n, hk, x + (size_t)i0 * ld + h * hd, ld, 32, (b16 *)kt.data(), TILE, hk * TILE, S.data(), W, false);
                    for (int i = 0; i < 16; i++) {
                        float *s = &S[i * W], top = -1e30f, sum = 0;
                        int m = std::min(i0 + i, T - 1) + 1;
                        for (int j = m; j < wide; j++) s[j] = -1e30f;
                        for (int j = 0; j < wide; j++) top = std::max(top, s[j]);
                        for (int j = 0; j < wide; j++) sum += s[j] = exp_(s[j] - top);
                        float inv = 1.0f / sum;
                        for (int j = 0; j < wide; j++) P[i * W + j] = down(s[j] * inv);
                        if (i0 + i < T) lse[(size_t)(starts[d] + i0 + i) * heads + h] = top + logf(sum);
                    }
                    row_block(hn, wide / 32, P.data(), W, 32, (b16 *)vp.data(), hn * TILE, TILE, o + (size_t)i0 * lo + h * hd, lo, false);
                }
        }
    }
}

void attend_back(int docs, const int *starts, int heads, int kv, int hd, const b16 *qkv, const float *out, const float *lse, const float *dout, float *dqkv) {
    int ld = (heads + 2 * kv) * hd, lo = heads * hd, hk = hd / 32, hn = hd / 16;
    std::vector<uint32_t> kt, vt, kp, qp, gp, left;
    std::vector<float> S, D, dk, dv;
    std::vector<b16> P, Q, G;
    Tiles set;
    for (int d = 0; d < docs; d++) {
        int T = starts[d + 1] - starts[d], B = (T + 31) / 32, W = 32 * B;
        for (auto *b : {&kt, &vt}) b->resize(2 * B * hk * 256);
        for (auto *b : {&kp, &qp, &gp}) b->resize(B * hn * 256);
        left.resize(B * 256);
        for (auto *b : {&S, &D}) b->resize(16 * W);
        for (auto *b : {&dk, &dv}) b->resize(W * hd);
        for (auto *b : {&P, &Q}) b->resize(W * W);
        G.assign(W * hd, 0);
        const b16 *x = qkv + (size_t)starts[d] * ld;
        const float *o = out + (size_t)starts[d] * lo, *go = dout + (size_t)starts[d] * lo;
        float *dx = dqkv + (size_t)starts[d] * ld;
        for (int g = 0; g < kv; g++) {
            const b16 *k = x + (heads + g) * hd, *v = k + kv * hd;
            for (int j = 0; j < (T + 15) / 16; j++)
                for (int c = 0; c < hk; c++) {
                    transpose((const uint32_t *)(k + (size_t)16 * j * ld + 32 * c), ld / 2, &kt[(j * hk + c) * 256]);
                    transpose((const uint32_t *)(v + (size_t)16 * j * ld + 32 * c), ld / 2, &vt[(j * hk + c) * 256]);
                }
            for (int j = 0; j < B; j++)
                for (int c = 0; c < hn; c++) pair(k + (size_t)32 * j * ld + 16 * c, ld, &kp[(j * hn + c) * 256]);
            bool add = false;
            for (int h = g * heads / kv; h < (g + 1) * heads / kv; h++) {
                const b16 *q = x + h * hd;
                for (int t = 0; t < T; t++)
                    for (int c = 0; c < hd; c++) G[t * hd + c] = down(go[(size_t)t * lo + h * hd + c]);
                for (int j = 0; j < B; j++)
                    for (int c = 0; c < hn; c++) {
                        pair(q + (size_t)32 * j * ld + 16 * c, ld, &qp[(j * hn + c) * 256]);
                        pair(&G[32 * j * hd + 16 * c], hd, &gp[(j * hn + c) * 256]);
                    }
                for (int i0 = 0; i0 < W; i0 += 16) {
                    int n = i0 / 16 + 1, wide = (n + 1) / 2 * 32;
                    if (i0 < T) {
                        row_block(n, hk, q + (size_t)i0 * ld, ld, 32, (b16 *)kt.data(), TILE, hk * TILE, S.data(), W, false);
                        row_block(n, hk, &G[i0 * hd], hd, 32, (b16 *)vt.data(), TILE, hk * TILE, D.data(), W, false);
                    }
                    for (int i = i0; i < i0 + 16; i++) {
                        float *s = &S[(i - i0) * W], *e = &D[(i - i0) * W], dot = 0;
                        int m = i < T ? i + 1 : 0;
                        if (m) {
                            const float *a = o + (size_t)i * lo + h * hd, *b = go + (size_t)i * lo + h * hd;
                            for (int c = 0; c < hd; c++) dot += a[c] * b[c];
                            float l = lse[(size_t)(starts[d] + i) * heads + h];
                            for (int j = m; j < wide; j++) s[j] = -1e30f, e[j] = 0;
                            for (int j = 0; j < wide; j++) {
                                float p = exp_(s[j] - l);
                                P[i * W + j] = down(p);
                                Q[i * W + j] = down(p * (e[j] - dot));
                            }
                        }
                        int end = m ? wide : 0;
                        memset(&P[i * W + end], 0, 2 * (W - end));
                        memset(&Q[i * W + end], 0, 2 * (W - end));
                    }
                    if (i0 < T) row_block(hn, (n + 1) / 2, &Q[i0 * W], W, 32, (b16 *)kp.data(), hn * TILE, TILE, dx + (size_t)i0 * ld + h * hd, ld, false);
                }
                for (int j0 = 0; j0 < T; j0 += 16) {
                    int first = j0 / 32;
                    for (int i = first; i < B; i++) pair_transposed(&Q[32 * i * W + j0], W, &left[(i - first) * 256]);
                    row_block(hn, B - first, (b16 *)left.data(), 32, TILE, (b16 *)&qp[first * hn * 256], hn * TILE, TILE, &dk[j0 * hd], hd, add);
                    for (int i = first; i < B; i++) pair_transposed(&P[32 * i * W + j0], W, &left[(i - first) * 256]);
                    row_block(hn, B - first, (b16 *)left.data(), 32, TILE, (b16 *)&gp[first * hn * 256], hn * TILE, TILE, &dv[j0 * hd], hd, add);
                }
                add = true;
            }
            for (int t = 0; t < T; t++) {
                memcpy(dx + (size_t)t * ld + (heads + g) * hd, &dk[t * hd], 4 * hd);
                memcpy(dx + (size_t)t * ld + (heads + kv + g) * hd, &dv[t * hd], 4 * hd);
            }
        }
    }
}

// Cross-entropy of n rows of logits, which are replaced by their gradient times `weight`. Returns the summed loss.
double cross_entropy(int n, int v, b16 *logits, const int *targets, float weight) {
    std::vector<float> e(v);
    double loss = 0;
    for (int t = 0; t < n; t++) {
        b16 *l = logits + (size_t)t * v;
        float top = -1e30f, sum = 0;
        for (int i = 0; i < v; i++) top = std::max(top, up(l[i]));
        for (int i = 0; i < v; i++) sum += e[i] = exp_(up(l[i]) - top);
        loss += logf(sum) + top - up(l[targets[t]]);
        float s = weight / sum;
        e[targets[t]] -= sum;
        for (int i = 0; i < v; i++) l[i] = down(e[i] * s);
    }
    return loss;
}

// The elementwise parts of a Muon step. momentum += (1 - mu) (g - momentum); out is g moved by mu towards it, where
// g = (a + b) * factor. The gradient buffers are cleared. Returns the sum of squares of `out`.
double muon_momentum(int n, float *a, float *b, float factor, float mu, float *momentum, b16 *out) {
    double squares = 0;
    for (int i0 = 0; i0 < n; i0 += 4096) {
        float part = 0;
        for (int i = i0; i < std::min(n, i0 + 4096); i++) {
            float g = (a[i] + b[i]) * factor, m = momentum[i] + (1 - mu) * (g - momentum[i]), x = g + mu * (m - g);
            momentum[i] = m, out[i] = down(x), part += x * x;
            a[i] = b[i] = 0;
        }
        squares += part;
    }
    return squares;
}

// p = p * keep - u * step. Returns the sum of |p|.
double muon_apply(int n, float *p, const b16 *u, float keep, float step) {
    double sum = 0;
    for (int i0 = 0; i0 < n; i0 += 4096) {
        float part = 0;
        for (int i = i0; i < std::min(n, i0 + 4096); i++) {
            float x = p[i] * keep - up(u[i]) * step;
            p[i] = x, part += fabsf(x);
        }
        sum += part;
    }
    return sum;
}

// Ternary signs of masters whose mean size is `scale`.
void signs(int n, const float *p, float scale, b16 *out) {
    float s = 1.0f / scale;
    for (int i = 0; i < n; i++) out[i] = std::bit_cast<uint32_t>(std::min(1.0f, std::max(-1.0f, rintf(p[i] * s)))) >> 16;
}

}
