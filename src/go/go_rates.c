#include "go/go_rates.h"

#include "go/go_ticks.h"
#include "os/watchdog.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define RATE_MOST (1ull << 50)

/* The words that may be written, and what can be there. */
static const struct rate_word {
    enum go_global global;
    const char *name;
    enum go_field field; /* in the variable; GO_N_FIELDS: it is the variable */
    uint32_t n_bytes;
    uint64_t least, most;
} words[] = {
    {GO_VAR_MEM_PROFILE_RATE, "runtime.MemProfileRate", GO_N_FIELDS, 8, 0, (uint64_t)1 << 50},
    {GO_VAR_BLOCK_PROFILE_RATE, "runtime.blockprofilerate", GO_N_FIELDS, 8, 0, INT64_MAX},
    {GO_VAR_MUTEX_PROFILE_RATE, "runtime.mutexprofilerate", GO_N_FIELDS, 8, 0, INT64_MAX},
    {GO_VAR_FORCE_GC_PERIOD, "runtime.forcegcperiod", GO_N_FIELDS, 8, 1000, INT64_MAX},
    {GO_VAR_WORK, "runtime.work.goroutineLeak.pending", GO_WORK_LEAK_PENDING, 1, 0, 1},
};

#define N_WORDS (sizeof words / sizeof *words)
_Static_assert(N_WORDS <= WATCHDOG_SLOTS, "a slot a word");

struct go_rates {
    struct go_program *program;
    struct watchdog *watchdog; /* started before the first write */
    int lock_fd;
    struct {
        bool is_written;
        struct watchdog_word word;
    } slots[N_WORDS];
};

static unsigned slot_of(enum go_global global)
{
    unsigned i = 0;
    while (i + 1 < N_WORDS && words[i].global != global)
        i++;
    return i;
}

static bool address_of(const struct go_program *program, const struct rate_word *word,
                       uint64_t *address, struct err *err)
{
    if (!go_program_global(program, word->global, address, err))
        return false;
    if (word->field == GO_N_FIELDS)
        return true;
    uint16_t offset = program->layout.at[word->field];
    *address += offset;
    return offset != GO_NO_FIELD || err_set(err, ERR_UNSUPPORTED, "%s: %s has no %s",
                                            mem_name(program->mem), program->version, word->name);
}

bool go_rates_get(const struct go_program *program, enum go_global global, uint64_t *value,
                  struct err *err)
{
    const struct rate_word *word = &words[slot_of(global)];
    uint64_t address;
    return address_of(program, word, &address, err) &&
           go_program_number(program, address, word->n_bytes, value, err);
}

/* Held as long as this process or the watchdog lives: two that switch on and off would end
 * each other's time.  A name in no file system, so that nothing is left behind. */
static bool take_lock(struct go_rates *rates, struct err *err)
{
    const struct mem *mem = rates->program->mem;
    const struct proc *proc = mem_process(mem);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    rates->lock_fd = -1;
    int n = snprintf(address.sun_path + 1, sizeof address.sun_path - 1, "sonde-%d-%" PRIu64,
                     proc ? (int)proc->pid : 0, proc ? proc->start_ticks : 0);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    /* Without such sockets there is no other sonde that has one. */
    if (fd < 0)
        return true;
    socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n);
    if (bind(fd, (struct sockaddr *)&address, len) == 0) {
        rates->lock_fd = fd;
        return true;
    }
    bool is_taken = errno == EADDRINUSE;
    close(fd);
    return !is_taken || err_set(err, ERR_INPUT,
                                "another sonde has switched something on in %s: try again when it "
                                "is done",
                                mem_name(mem));
}

struct go_rates *go_rates_open(struct go_program *program, struct err *err)
{
    if (mem_write_fd(program->mem) < 0) {
        err_set(err, ERR_UNSUPPORTED, "%s cannot be written to", mem_name(program->mem));
        return NULL;
    }
    struct go_rates *rates = calloc(1, sizeof *rates);
    if (!rates) {
        err_nomem(err);
        return NULL;
    }
    rates->program = program;
    if (!take_lock(rates, err)) {
        free(rates);
        return NULL;
    }
    return rates;
}

const struct go_program *go_rates_program(const struct go_rates *rates)
{
    return rates->program;
}

void go_rates_free(struct go_rates *rates)
{
    if (!rates)
        return;
    go_rates_restore(rates, NULL);
    watchdog_free(rates->watchdog);
    if (rates->lock_fd >= 0)
        close(rates->lock_fd);
    free(rates);
}

/* May the word be written, with what it holds now? */
static bool is_allowed(const struct go_rates *rates, const struct rate_word *word, uint64_t value,
                       struct err *err)
{
    const struct go_program *program = rates->program;
    if (!program->sure[word->global])
        return err_set(err, ERR_UNSUPPORTED,
                       "%s: where %s lies is not beyond doubt, so it is not written to",
                       mem_name(program->mem), word->name);
    if (value >= word->least && value <= word->most)
        return true;
    return err_set(err, ERR_UNSUPPORTED,
                   "%s: %s holds %" PRIu64 ", which cannot be: it is not written to",
                   mem_name(program->mem), word->name, value);
}

bool go_rates_set(struct go_rates *rates, enum go_global global, uint64_t value, struct err *err)
{
    unsigned slot = slot_of(global);
    const struct rate_word *word = &words[slot];
    struct mem *mem = rates->program->mem;
    struct watchdog_word note = {.new_value = value, .n_bytes = word->n_bytes};
    if (rates->slots[slot].is_written)
        return err_set(err, ERR_UNSUPPORTED, "%s is set already", word->name);
    if (!address_of(rates->program, word, &note.address, err) ||
        !go_program_number(rates->program, note.address, word->n_bytes, &note.old_value, err) ||
        !is_allowed(rates, word, note.old_value, err))
        return false;
    if (note.old_value == value)
        return true;
    if (!rates->watchdog && !(rates->watchdog = watchdog_start(mem, rates->lock_fd, err)))
        return false;
    if (!watchdog_note(rates->watchdog, slot, &note, err))
        return false;
    rates->slots[slot].word = note;
    rates->slots[slot].is_written = true;
    if (mem_write(mem, note.address, &note.new_value, note.n_bytes, err))
        return true;
    go_rates_restore_word(rates, global, NULL);
    return false;
}

bool go_rates_restore_word(struct go_rates *rates, enum go_global global, struct err *err)
{
    unsigned slot = slot_of(global);
    struct mem *mem = rates->program->mem;
    const struct watchdog_word *note = &rates->slots[slot].word;
    uint64_t now = 0;
    if (!rates->slots[slot].is_written)
        return true;
    if ((!go_program_number(rates->program, note->address, note->n_bytes, &now, err) ||
         (now == note->new_value &&
          !mem_write(mem, note->address, &note->old_value, note->n_bytes, err))) &&
        !mem_is_gone(mem))
        return false;
    rates->slots[slot].is_written = false;
    watchdog_forget(rates->watchdog, slot);
    return true;
}

bool go_rates_restore(struct go_rates *rates, struct err *err)
{
    bool ok = true;
    for (unsigned i = N_WORDS; i-- > 0;)
        if (!go_rates_restore_word(rates, words[i].global, ok ? err : NULL))
            ok = false;
    return ok;
}

/* --- kinds --- */

static bool is_off(enum go_global rate, uint64_t value)
{
    /* Only that of allocations may be negative, which is off too. */
    return value == 0 || (rate == GO_VAR_MEM_PROFILE_RATE && (int64_t)value < 0);
}

static bool is_rate(enum go_global global)
{
    return global == GO_VAR_MEM_PROFILE_RATE || global == GO_VAR_BLOCK_PROFILE_RATE ||
           global == GO_VAR_MUTEX_PROFILE_RATE;
}

/* What the word has to hold, as runtime.SetBlockProfileRate and its kind set it. */
static bool word_of_rate(struct go_program *program, const struct go_kind_ops *kind, uint64_t rate,
                         struct diag *diag, uint64_t *value, struct err *err)
{
    int64_t ticks;
    *value = rate;
    if (kind->rate != GO_VAR_BLOCK_PROFILE_RATE || rate <= 1)
        return true;
    if (!go_ticks_per_second(program, &ticks, diag, err))
        return false;
    double word = (double)rate * (double)ticks / 1e9;
    *value = word < 1 ? 1 : word < RATE_MOST ? (uint64_t)word : RATE_MOST;
    return true;
}

bool go_rates_enable(struct go_rates *rates, const struct go_kind_ops *kind, uint64_t rate,
                     struct diag *diag, struct err *err)
{
    uint64_t value, word;
    if (!is_rate(kind->rate))
        return true;
    if (!go_rates_get(rates->program, kind->rate, &value, err))
        return false;
    if (!is_off(kind->rate, value))
        return true;
    if (!word_of_rate(rates->program, kind, rate ? rate : kind->rate_on, diag, &word, err) ||
        !go_rates_set(rates, kind->rate, word, err))
        return false;
    if (kind->rate == GO_VAR_MEM_PROFILE_RATE)
        diag_add(diag, "%s: what was allocated before %s profiling was switched on is not known",
                 mem_name(rates->program->mem), kind->name);
    return true;
}

bool go_rates_check_now(const struct go_program *program, const struct go_kind_ops *kind,
                        struct err *err)
{
    const struct proc *proc = mem_process(program->mem);
    const char *name = mem_name(program->mem);
    uint64_t value;
    if (!is_rate(kind->rate))
        return true;
    if (!go_rates_get(program, kind->rate, &value, err))
        return false;
    if (!is_off(kind->rate, value))
        return true;
    if (!proc)
        return err_set(err, ERR_UNSUPPORTED, "%s profiling was off in %s", kind->name, name);
    return err_set(err, ERR_UNSUPPORTED,
                   "%s profiling is off in %s: 'pid:%d/%s?enable=1&seconds=10' (or sonde record "
                   "-p %d --enable) switches it on for that time",
                   kind->name, name, (int)proc->pid, kind->name, (int)proc->pid);
}

bool go_rates_check(const struct go_program *program, const struct go_kind_ops *kind,
                    struct err *err)
{
    struct err off = {0}, failed = {0};
    uint64_t address, first;
    if (go_rates_check_now(program, kind, &off))
        return true;
    enum go_global list = kind->rate == GO_VAR_MEM_PROFILE_RATE     ? GO_VAR_MBUCKETS
                          : kind->rate == GO_VAR_BLOCK_PROFILE_RATE ? GO_VAR_BBUCKETS
                                                                    : GO_VAR_XBUCKETS;
    bool ok = off.code == ERR_UNSUPPORTED && go_program_global(program, list, &address, &failed) &&
              go_program_number(program, address, 8, &first, &failed) && first;
    if (!ok)
        *err = failed.code ? failed : off;
    return ok;
}
