#include "go/go_recipe.h"

#define PATTERN_MAX 64

struct pattern {
    uint8_t bytes[PATTERN_MAX], masks[PATTERN_MAX];
    size_t n, displacement;
};

static unsigned hex_digit(char c)
{
    return c <= '9' ? (unsigned)(c - '0') : (unsigned)(c - 'a' + 10);
}

static bool parse(const char *text, struct pattern *pattern)
{
    bool seen = false;
    *pattern = (struct pattern){.n = 0};
    for (; text[0] && text[1]; text += 2, pattern->n++) {
        if (pattern->n == PATTERN_MAX)
            return false;
        bool is_any = text[0] == '.' || text[0] == '@';
        if (text[0] == '@' && !seen)
            pattern->displacement = pattern->n;
        seen |= text[0] == '@';
        pattern->masks[pattern->n] = is_any ? 0 : 0xff;
        pattern->bytes[pattern->n] =
            is_any ? 0 : (uint8_t)(hex_digit(text[0]) << 4 | hex_digit(text[1]));
    }
    return seen && pattern->n - pattern->displacement >= 4;
}

static bool is_at(const struct pattern *pattern, struct str code, size_t at)
{
    if (at > code.len || code.len - at < pattern->n)
        return false;
    const uint8_t *p = (const uint8_t *)code.p + at;
    for (size_t i = 0; i < pattern->n; i++)
        if ((p[i] & pattern->masks[i]) != pattern->bytes[i])
            return false;
    return true;
}

static uint64_t follow(const struct go_reference *r, struct str code, size_t at, uint64_t address)
{
    int32_t displacement;
    memcpy(&displacement, code.p + at, sizeof displacement);
    return address + at + sizeof displacement + r->tail + (uint64_t)(int64_t)displacement -
           r->within;
}

/* All places in the function where the pattern is have to lead to the same variable. */
static bool search(const struct go_reference *r, const struct pattern *pattern, struct str code,
                   uint64_t address, uint64_t *variable)
{
    bool found = false;
    for (size_t at = 0; at + pattern->n <= code.len; at++) {
        if (!is_at(pattern, code, at))
            continue;
        uint64_t other = follow(r, code, at + pattern->displacement, address);
        if (found && other != *variable)
            return false;
        *variable = other;
        found = true;
    }
    return found;
}

bool go_reference_follow(const struct go_reference *r, struct str code, uint64_t address,
                         uint64_t *variable, bool *is_exact)
{
    struct pattern pattern;
    *is_exact = false;
    if (!parse(r->code, &pattern))
        return false;
    if (code.len == r->size && r->at >= pattern.displacement &&
        is_at(&pattern, code, r->at - pattern.displacement)) {
        *variable = follow(r, code, r->at, address);
        *is_exact = true;
        return true;
    }
    return search(r, &pattern, code, address, variable) ||
           (r->shorter[0] && parse(r->shorter, &pattern) &&
            search(r, &pattern, code, address, variable));
}

void go_vote_add(struct go_vote *vote, uint64_t address, bool is_exact)
{
    vote->n++;
    vote->n_exact += is_exact;
    for (size_t i = 0; i < GO_VOTE_MAX; i++) {
        if (vote->n_votes[i] == 0)
            vote->addresses[i] = address;
        if (vote->addresses[i] == address) {
            vote->n_votes[i]++;
            return;
        }
    }
}

uint64_t go_vote_winner(const struct go_vote *vote, bool *is_sure)
{
    *is_sure = false;
    for (size_t i = 0; i < GO_VOTE_MAX; i++) {
        if (2 * vote->n_votes[i] <= vote->n)
            continue;
        *is_sure = vote->n_votes[i] == vote->n && (vote->n > 1 || vote->n_exact == 1);
        return vote->addresses[i];
    }
    return 0;
}
