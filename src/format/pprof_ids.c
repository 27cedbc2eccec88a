#include "format/pprof_ids.h"

#include <string.h>
#if defined(__x86_64__) && __has_include(<sys/platform/x86.h>)
#include <immintrin.h>
#include <sys/platform/x86.h>

#define LOOK_BYTES 40 /* that are read at once */
#define AT_ONCE 6     /* rows that are written at once; the last of them may be none */

/* The ends of ids in 16 bytes are found at once, so that none waits for the one before. */
static __attribute__((target("avx2,bmi,bmi2,lzcnt,popcnt"))) const uint8_t *
take_by_pext(const uint8_t *p, const uint8_t *end, const uint8_t *in_end, uint32_t **rows,
             const uint32_t *to_end)
{
    uint32_t *to = *rows;
    while (p < end && in_end - p >= LOOK_BYTES && to_end - to >= AT_ONCE) {
        uint32_t in_id = end - p < 16 ? (1u << (end - p)) - 1 : 0xffff;
        uint32_t goes_on =
            (uint32_t)_mm_movemask_epi8(_mm_loadu_si128((const __m128i_u *)p)) & in_id;
        uint32_t ends = goes_on ^ in_id, four = goes_on & goes_on >> 1;
        if ((four & four >> 2) || !ends)
            break;
        uint32_t left = ends, begin = 0;
#define TAKE(i)                                                                                    \
    do {                                                                                           \
        uint32_t after = _tzcnt_u32(left) + 1, w;                                                  \
        memcpy(&w, p + begin, sizeof w);                                                           \
        to[i] = _pext_u32(_bzhi_u32(w, 8 * (after - begin)), 0x7f7f7f7f) - 1;                      \
        begin = after;                                                                             \
        left = _blsr_u32(left);                                                                    \
    } while (0)
        TAKE(0);
        TAKE(1);
        TAKE(2);
        TAKE(3);
        TAKE(4);
        TAKE(5);
#undef TAKE
        uint32_t n = (uint32_t)_mm_popcnt_u32(ends);
        to += n < AT_ONCE ? n : AT_ONCE;
        p += n < AT_ONCE ? 32 - _lzcnt_u32(ends) : begin;
    }
    *rows = to;
    return p;
}

static __attribute__((target("avx2"))) uint32_t largest_by_lanes(const uint32_t *rows, size_t n)
{
    __m256i max = _mm256_setzero_si256();
    size_t i = 0;
    for (; i + 8 <= n; i += 8)
        max = _mm256_max_epu32(max, _mm256_loadu_si256((const __m256i_u *)&rows[i]));
    __m128i m = _mm_max_epu32(_mm256_castsi256_si128(max), _mm256_extracti128_si256(max, 1));
    m = _mm_max_epu32(m, _mm_shuffle_epi32(m, 0x4e));
    m = _mm_max_epu32(m, _mm_shuffle_epi32(m, 0xb1));
    uint32_t most = (uint32_t)_mm_cvtsi128_si32(m);
    for (; i < n; i++)
        most = rows[i] > most ? rows[i] : most;
    return most;
}

static const struct pprof_ids_ops by_pext = {take_by_pext, largest_by_lanes};

#define LANES 16 /* rows that are written at once */

/* The ids in 64 bytes, up to 16 of them at once: each is spread over the four bytes of a lane,
 * whose sevens of bits are then put together. */
static __attribute__((target("avx512bw,avx512vbmi,avx512vbmi2,bmi,bmi2,lzcnt"))) const uint8_t *
take_by_lanes(const uint8_t *p, const uint8_t *end, const uint8_t *in_end, uint32_t **rows,
              const uint32_t *to_end)
{
    static const uint8_t numbers[64] __attribute__((aligned(64))) = {
        0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21,
        22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43,
        44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63};
    const __m512i number = _mm512_load_si512(numbers);
    const __m512i lane = _mm512_srli_epi16(_mm512_and_si512(number, _mm512_set1_epi8(0x3c)), 2);
    const __m512i in_lane = _mm512_set1_epi32(0x03020100);
    uint32_t *to = *rows;
    (void)in_end;
    while (p < end && to_end - to >= LANES) {
        uint64_t in_id = end - p < 64 ? (1ull << (end - p)) - 1 : ~0ull;
        __m512i bytes = _mm512_maskz_loadu_epi8(in_id, p); /* looks at no others */
        uint64_t goes_on = _mm512_movepi8_mask(bytes), ends = goes_on ^ in_id;
        uint64_t two = goes_on & goes_on >> 1;
        if ((two & two >> 2) || !ends)
            break;
        uint64_t last_taken = _pdep_u64(1ull << (LANES - 1), ends);
        __m128i last = _mm512_castsi512_si128(_mm512_maskz_compress_epi8(ends, number));
        __m128i none = _mm_set1_epi8(-1);
        __m128i first = _mm_sub_epi8(_mm_alignr_epi8(last, none, 15), none);
        __m512i at =
            _mm512_add_epi8(_mm512_shuffle_epi8(_mm512_broadcast_i32x4(first), lane), in_lane);
        __mmask64 is_in =
            _mm512_cmple_epu8_mask(at, _mm512_shuffle_epi8(_mm512_broadcast_i32x4(last), lane));
        __m512i id = _mm512_maskz_permutexvar_epi8(is_in, at,
                                                   _mm512_and_si512(bytes, _mm512_set1_epi8(0x7f)));
        id = _mm512_maddubs_epi16(_mm512_set1_epi16((int16_t)0x8001), id);
        id = _mm512_madd_epi16(id, _mm512_set1_epi32(0x40000001));
        _mm512_storeu_si512(to, _mm512_sub_epi32(id, _mm512_set1_epi32(1)));
        if (last_taken) {
            to += LANES;
            p += _tzcnt_u64(last_taken) + 1;
        } else {
            to += __builtin_popcountll(ends);
            p += 64 - _lzcnt_u64(ends);
        }
    }
    *rows = to;
    return p;
}

static const struct pprof_ids_ops by_lanes = {take_by_lanes, largest_by_lanes};

const struct pprof_ids_ops *pprof_ids_ops(void)
{
    /* As libc has them: asking the processor takes longer in a virtual machine. */
    bool has_pext = CPU_FEATURE_ACTIVE(BMI2) && CPU_FEATURE_ACTIVE(AVX2);
    /* AMD's with SSE4a take hundreds of cycles for it before Zen 3, with VAES. */
    bool is_slow = CPU_FEATURE_PRESENT(SSE4A) && !CPU_FEATURE_PRESENT(VAES);
    if (!has_pext || is_slow)
        return NULL;
    return CPU_FEATURE_ACTIVE(AVX512BW) && CPU_FEATURE_ACTIVE(AVX512_VBMI) &&
                   CPU_FEATURE_ACTIVE(AVX512_VBMI2)
               ? &by_lanes
               : &by_pext;
}
#else
const struct pprof_ids_ops *pprof_ids_ops(void)
{
    return NULL;
}
#endif
