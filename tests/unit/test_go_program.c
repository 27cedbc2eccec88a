/* A Go program made of the references of a table: small, without a toolchain.  The file has no
 * section headers, so that everything has to be found by its content. */
#include "go/go_buildinfo.h"
#include "go/go_dwarf.h"
#include "go/go_program.h"
#include "go/go_recipe.h"
#include "made_elf.h"
#include "os/mem_ops.h"

#define MINOR 24
#define BASE 0x400000u
#define N_GLOBAL_BYTES 64 /* room for a variable; what lies further inside is not read here */
#define HEAP 0xc000000000u
#define HEAP_BYTES 0x4000u
#define FUNCTIONS_MAX 256

/* --- the program --- */

struct made {
    uint8_t *file;
    size_t n, n_room;
    uint64_t globals[GO_N_GLOBALS];
    uint64_t module, text, data;
    uint8_t heap[HEAP_BYTES];
    struct mem_map maps[2];
    struct mem mem;
};

static void put(struct made *p, uint64_t address, uint64_t number, size_t n)
{
    assert_true(address - BASE + n <= p->n_room);
    memcpy(p->file + (address - BASE), &number, n);
}

static uint64_t reserve(struct made *p, size_t n)
{
    p->n = (p->n + 31) & ~(size_t)31;
    uint64_t address = BASE + p->n;
    p->n += n;
    assert_true(p->n <= p->n_room);
    return address;
}

static unsigned digit(char c)
{
    return (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10);
}

/* The reference's bytes, `shift` further on in the function than they were. */
static void put_reference(struct made *p, const struct go_reference *r, uint64_t function,
                          unsigned shift, uint64_t variable)
{
    size_t at_sign = (size_t)(strchr(r->code, '@') - r->code) / 2;
    uint64_t at = function + r->at + shift, next = at + 4 + r->tail;
    for (size_t i = 0; r->code[2 * i]; i++) {
        const char *c = &r->code[2 * i];
        if (*c != '.' && *c != '@')
            put(p, at - at_sign + i, digit(c[0]) << 4 | digit(c[1]), 1);
    }
    put(p, at, variable + r->within - next, 4);
}

struct made_function {
    const char *name;
    unsigned size;
    uint64_t entry;
};

static const struct go_version *table(void)
{
    const struct go_version *version = go_version_find(MINOR);
    assert_non_null(version);
    return version;
}

static void make_code(struct made *p, unsigned shift, struct made_function *functions, size_t *n)
{
    const struct go_version *version = table();
    *n = 0;
    p->text = reserve(p, 0);
    for (size_t i = 0; i < version->n_references; i++) {
        const struct go_reference *r = &version->references[i];
        size_t k = 0;
        while (k < *n && strcmp(functions[k].name, r->function) != 0)
            k++;
        if (k == *n) {
            assert_true(*n < FUNCTIONS_MAX);
            unsigned size = r->size + (shift ? 64 : 0);
            functions[(*n)++] = (struct made_function){r->function, size, reserve(p, size)};
            memset(p->file + (functions[k].entry - BASE), 0xcc, size);
        }
        /* Of two ways to build a function the first is made. */
        if (r->size + (shift ? 64u : 0u) == functions[k].size)
            put_reference(p, r, functions[k].entry, shift, p->globals[r->global]);
    }
}

static void make_table(struct made *p, const struct made_function *functions, size_t n)
{
    const uint16_t *at = table()->layout.at;
    uint64_t end = BASE + p->n, header = reserve(p, 72);
    put(p, header, 0xfffffff1, 4);
    put(p, header + 6, 1, 1);
    put(p, header + 7, 8, 1);
    put(p, header + 8, n, 8);
    uint64_t names = reserve(p, 1), name = names + 1;
    for (size_t i = 0; i < n; i++)
        reserve(p, strlen(functions[i].name) + 1 + 32);
    uint64_t pcs = reserve(p, 16), list = reserve(p, 8 * n + 8);
    for (size_t i = 0; i < n; i++) {
        uint64_t record = reserve(p, 64);
        memcpy(p->file + (name - BASE), functions[i].name, strlen(functions[i].name) + 1);
        put(p, list + 8 * i, functions[i].entry - p->text, 4);
        put(p, list + 8 * i + 4, record - list, 4);
        put(p, record, functions[i].entry - p->text, 4);
        put(p, record + 4, name - names, 4);
        name += strlen(functions[i].name) + 1;
    }
    put(p, list + 8 * n, end - p->text, 4);
    const uint64_t parts[] = {names, pcs, pcs, pcs, list};
    for (size_t i = 0; i < 5; i++)
        put(p, header + 32 + 8 * i, parts[i] - header, 8);

    p->module = reserve(p, at[GO_MODULE_SIZE]);
    put(p, p->module + at[GO_MODULE_PCHEADER], header, 8);
    put(p, p->module + at[GO_MODULE_FUNCNAMETAB], names, 8);
    put(p, p->module + at[GO_MODULE_PCTAB], pcs, 8);
    put(p, p->module + at[GO_MODULE_TEXT], p->text, 8);
    put(p, p->module + at[GO_MODULE_ETEXT], end, 8);
    put(p, p->module + at[GO_MODULE_NOPTRDATA], p->data, 8);
    put(p, p->module + at[GO_MODULE_ENOPTRDATA], p->text, 8);
}

static void put_heap(struct made *p, uint64_t address, uint64_t number)
{
    memcpy(p->heap + (address - HEAP), &number, 8);
}

/* One thread, and one goroutine that is its g0. */
static void make_structures(struct made *p)
{
    const uint16_t *at = table()->layout.at;
    uint64_t m = HEAP + 0x100, g = HEAP + 0x1000, list = HEAP + 0x2000, bucket = HEAP + 0x3000;
    put(p, p->globals[GO_VAR_ALLM], m, 8);
    put_heap(p, m + at[GO_M_G0], g);
    put_heap(p, g + at[GO_G_M], m);
    put_heap(p, g + at[GO_G_STACK_LO], HEAP);
    put_heap(p, g + at[GO_G_STACK_HI], HEAP + 2048);
    put_heap(p, g + at[GO_G_GOID], 1);
    put_heap(p, g + at[GO_G_ATOMICSTATUS], 4);
    put_heap(p, list, g);
    put(p, p->globals[GO_VAR_ALLGS], list, 8);
    put(p, p->globals[GO_VAR_ALLGS] + 8, 1, 8);
    put(p, p->globals[GO_VAR_ALLGPTR], list, 8);
    put(p, p->globals[GO_VAR_ALLGLEN], 1, 8);
    put_heap(p, bucket + at[GO_BUCKET_TYP], 1);
    put(p, p->globals[GO_VAR_MBUCKETS], bucket, 8);
    put(p, p->globals[GO_VAR_MEM_PROFILE_RATE], 512 << 10, 8);
    put(p, p->globals[GO_VAR_FORCE_GC_PERIOD], 120000000000, 8);
}

static size_t read_made(const struct mem *mem, uint64_t address, void *into, size_t n)
{
    const struct made *p = mem->data;
    const uint8_t *from = p->file;
    uint64_t at = address - BASE, size = p->n;
    if (address >= HEAP) {
        from = p->heap;
        at = address - HEAP;
        size = HEAP_BYTES;
    }
    if (at >= size)
        return 0;
    if (n > size - at)
        n = size - at;
    memcpy(into, from + at, n);
    return n;
}

static void release_made(struct mem *mem)
{
    (void)mem;
}

static const struct mem_ops made_ops = {read_made, release_made};

static void make(struct made *p, const char *version, unsigned shift)
{
    struct made_function functions[FUNCTIONS_MAX];
    size_t n;
    memset(p, 0, sizeof *p);
    p->n_room = 1 << 20;
    p->file = calloc(1, p->n_room);
    assert_non_null(p->file);
    p->n = sizeof(Elf64_Ehdr) + sizeof(Elf64_Phdr);
    uint64_t buildinfo = reserve(p, 128);
    memcpy(p->file + (buildinfo - BASE), "\xff Go buildinf:\x08\x02", 16);
    put(p, buildinfo + 32, strlen(version), 1);
    memcpy(p->file + (buildinfo - BASE) + 33, version, strlen(version));
    for (size_t i = 0; i < GO_N_GLOBALS; i++) {
        p->globals[i] = reserve(p, N_GLOBAL_BYTES);
        if (i == 0)
            p->data = p->globals[0];
    }
    make_code(p, shift, functions, &n);
    make_table(p, functions, n);
    make_structures(p);
    p->globals[GO_VAR_FIRST_MODULE] = p->module;
    Elf64_Ehdr header = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
                         .e_type = ET_EXEC,
                         .e_machine = EM_X86_64,
                         .e_version = EV_CURRENT,
                         .e_phoff = sizeof header,
                         .e_ehsize = sizeof header,
                         .e_phentsize = sizeof(Elf64_Phdr),
                         .e_phnum = 1};
    Elf64_Phdr segment = {.p_type = PT_LOAD,
                          .p_flags = PF_R | PF_W,
                          .p_vaddr = BASE,
                          .p_filesz = p->n,
                          .p_memsz = p->n,
                          .p_align = 4096};
    memcpy(p->file, &header, sizeof header);
    memcpy(p->file + sizeof header, &segment, sizeof segment);
    p->maps[0] = (struct mem_map){.start = BASE,
                                  .limit = BASE + p->n,
                                  .can_read = true,
                                  .can_write = true,
                                  .inode = 1,
                                  .path = "/made"};
    p->maps[1] = (struct mem_map){
        .start = HEAP, .limit = HEAP + HEAP_BYTES, .can_read = true, .can_write = true, .path = ""};
    p->mem = (struct mem){.ops = &made_ops,
                          .maps = p->maps,
                          .n_maps = 2,
                          .name = "made program",
                          .executable = "made",
                          .fd = -1,
                          .data = p};
}

static void write_made(const struct made *p)
{
    FILE *f = fopen("made", "w");
    assert_non_null(f);
    assert_int_equal(fwrite(p->file, 1, p->n, f), p->n);
    assert_int_equal(fclose(f), 0);
}

static struct go_program *open_made(struct made *p, struct err *err)
{
    write_made(p);
    return go_program_open(&p->mem, err);
}

/* --- tests --- */

static unsigned references_of(enum go_global global)
{
    unsigned n = 0;
    for (size_t i = 0; i < table()->n_references; i++)
        n += table()->references[i].global == global;
    return n;
}

static void finds_all_variables(void **state)
{
    static const char *const versions[] = {"go1.24.4", "go1.24.13 (Red Hat 1.24.13-1)",
                                           "go1.24.0 X:boringcrypto", "go1.24-devel"};
    for (size_t i = 0; i < sizeof versions / sizeof *versions; i++) {
        struct made made;
        struct err err = {0};
        make(&made, versions[i], 0);
        struct go_program *program = open_made(&made, &err);
        assert_string_equal(err.msg, "");
        assert_non_null(program);
        assert_string_equal(program->version, versions[i]);
        assert_int_equal(program->minor, MINOR);
        assert_int_equal(program->bias, 0);
        assert_int_equal(program->text, made.text);
        assert_int_equal(program->module, made.module);
        assert_false(program->has_symbols);
        for (size_t k = 0; k < GO_N_GLOBALS; k++) {
            assert_int_equal(program->globals[k], made.globals[k]);
            assert_true(program->sure[k]);
        }
        assert_true(go_program_is(&made.mem));
        go_program_free(program);
        free(made.file);
    }
}

/* Another patch release: the same instructions elsewhere in their functions. */
static void finds_what_has_moved(void **state)
{
    struct made made;
    struct err err = {0};
    make(&made, "go1.24.9", 32);
    struct go_program *program = open_made(&made, &err);
    assert_string_equal(err.msg, "");
    assert_non_null(program);
    for (size_t k = 0; k < GO_N_GLOBALS; k++) {
        assert_int_equal(program->globals[k], made.globals[k]);
        if (references_of((enum go_global)k) == 1)
            assert_false(program->sure[k]);
    }
    assert_true(program->sure[GO_VAR_ALLGS]);
    go_program_free(program);
    free(made.file);
}

static void leaves_out_what_does_not_hold(void **state)
{
    struct made made;
    struct err err = {0};
    uint64_t address;
    make(&made, "go1.24.4", 0);
    put(&made, made.globals[GO_VAR_ALLGLEN], 2, 8);
    put_heap(&made, HEAP + 0x3000 + table()->layout.at[GO_BUCKET_TYP], 2);
    put(&made, made.globals[GO_VAR_FORCE_GC_PERIOD], 0, 8);
    struct go_program *program = open_made(&made, &err);
    assert_non_null(program);
    assert_int_equal(program->globals[GO_VAR_ALLGLEN], 0);
    assert_int_equal(program->globals[GO_VAR_ALLGS], 0);
    assert_int_equal(program->globals[GO_VAR_MBUCKETS], 0);
    assert_false(program->sure[GO_VAR_FORCE_GC_PERIOD]);
    assert_true(go_program_global(program, GO_VAR_ALLM, &address, &err));
    assert_int_equal(address, made.globals[GO_VAR_ALLM]);
    assert_false(go_program_global(program, GO_VAR_MBUCKETS, &address, &err));
    assert_string_equal(err.msg, "made program: cannot find runtime.mbuckets of go1.24.4 in it");
    go_program_free(program);
    free(made.file);
}

static void refuse(const char *version, const char *message)
{
    struct made made;
    struct err err = {0};
    make(&made, version, 0);
    assert_null(open_made(&made, &err));
    assert_string_equal(err.msg, message);
    assert_int_equal(err.code, ERR_UNSUPPORTED);
    free(made.file);
}

static void refuses_unknown_versions(void **state)
{
    char message[256];
    unsigned first, last;
    go_version_range(&first, &last);
    snprintf(message, sizeof message,
             "cannot read made program: it was built with go1.99.1, which this version of Sonde "
             "does not know (it knows 1.%u to 1.%u), and has no DWARF to learn from",
             first, last);
    refuse("go1.99.1", message);
}

static void refuses_another_layout(void **state)
{
    struct made made;
    struct err err = {0};
    make(&made, "go1.24.4", 0);
    put_heap(&made, HEAP + 0x1000 + table()->layout.at[GO_G_M], HEAP);
    assert_null(open_made(&made, &err));
    assert_string_equal(err.msg, "cannot read made program: its goroutines do not lie in memory "
                                 "as go1.24.4 has them");
    free(made.file);
}

static void tells_what_is_no_go_program(void **state)
{
    struct made made;
    struct err err = {0};
    make(&made, "go1.24.4", 0);
    *(char *)memmem(made.file, made.n, " Go buildinf", 12) = '!';
    write_made(&made);
    assert_false(go_program_is(&made.mem));
    assert_null(go_program_open(&made.mem, &err));
    assert_string_equal(err.msg, "made program is no Go program");
    assert_int_equal(err.code, ERR_INPUT);
    free(made.file);
}

static void tells_another_executable(void **state)
{
    struct made made;
    struct err err = {0};
    make(&made, "go1.24.4", 0);
    write_made(&made);
    made.file[offsetof(Elf64_Ehdr, e_entry)] ^= 1;
    assert_null(go_program_open(&made.mem, &err));
    assert_string_equal(err.msg, "made program: 'made' is not the program that it runs");
    assert_int_equal(err.code, ERR_INPUT);
    free(made.file);
}

/* Whatever the file and the memory hold: an answer or an error. */
static void survives_damage(void **state)
{
    struct made made, damaged;
    uint64_t seed = 24;
    make(&made, "go1.24.4", 0);
    for (unsigned round = 0; round < 400; round++) {
        struct err err = {0};
        damaged = made;
        damaged.mem.maps = damaged.maps;
        damaged.mem.data = &damaged;
        damaged.file = malloc(made.n);
        assert_non_null(damaged.file);
        memcpy(damaged.file, made.file, made.n);
        for (unsigned i = 0; i < 1 + round % 40; i++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            /* mostly where the structures are */
            uint64_t at = (seed >> 33) % (round % 2 ? made.n : 256);
            if (round % 4 == 2)
                at = made.module - BASE + (seed >> 33) % table()->layout.at[GO_MODULE_SIZE];
            if (round % 8 == 4)
                at = made.module - BASE - 6000 + (seed >> 33) % 6000;
            damaged.file[at] = round % 3 ? (uint8_t)(seed >> 24) : 0xff;
            damaged.heap[(seed >> 13) % HEAP_BYTES] ^= round % 5 == 0 ? (uint8_t)(seed >> 40) : 0;
        }
        struct go_program *program = open_made(&damaged, &err);
        assert_true(program || err.msg[0]);
        for (size_t k = 0; program && k < GO_N_GLOBALS; k++)
            assert_true(program->globals[k] || !program->sure[k]);
        go_program_free(program);
        free(damaged.file);
    }
    free(made.file);
}

static void reads_buildinfo(void **state)
{
    char version[8], bytes[64] = "\xff Go buildinf:\x08\x02";
    memcpy(bytes + 32, "\x08go1.24.4", 9);
    assert_true(go_buildinfo_parse((struct str){bytes, 41}, version, sizeof version));
    assert_string_equal(version, "go1.24."); /* cut */
    assert_false(go_buildinfo_parse((struct str){bytes, 40}, version, sizeof version));
    assert_false(go_buildinfo_parse((struct str){bytes, 32}, version, sizeof version));
    assert_false(go_buildinfo_parse((struct str){bytes, 0}, version, sizeof version));
    memcpy(bytes + 32, "\x05go\n\x7f!", 6);
    assert_true(go_buildinfo_parse((struct str){bytes, 41}, version, sizeof version));
    assert_string_equal(version, "go?"
                                 "?!");
    memset(bytes + 32, 0xff, 12); /* a length without end */
    assert_false(go_buildinfo_parse((struct str){bytes, sizeof bytes}, version, sizeof version));
    memcpy(bytes + 32, "\x08go1.24.4", 9);
    bytes[15] = 0; /* pointers, as before Go 1.18 */
    assert_false(go_buildinfo_parse((struct str){bytes, 41}, version, sizeof version));

    assert_int_equal(go_buildinfo_minor("go1.24.4 X:boringcrypto"), 24);
    assert_int_equal(go_buildinfo_minor("go1.27-devel"), 27);
    assert_int_equal(go_buildinfo_minor("go1.28rc1"), 28);
    assert_int_equal(go_buildinfo_minor("devel go1.27-0123abc Mon"), 27);
    assert_int_equal(go_buildinfo_minor("go1.21.13 (Red Hat 1.21.13-3.el9)"), 21);
    assert_int_equal(go_buildinfo_minor("go2.1"), 0);
    assert_int_equal(go_buildinfo_minor("go1."), 0);
    assert_int_equal(go_buildinfo_minor("go1.-5"), 0);
    assert_int_equal(go_buildinfo_minor("go1.99999999999999999999"), 0);
    assert_int_equal(go_buildinfo_minor(""), 0);
    assert_int_equal(go_buildinfo_patch("go1.24.13 X:boringcrypto"), 13);
    assert_int_equal(go_buildinfo_patch("go1.20"), 0);
    assert_int_equal(go_buildinfo_patch("go1.28rc1"), 0);
    assert_int_equal(go_buildinfo_patch("go1.24."), 0);
}

static void follows_references(void **state)
{
    /* mov 0x10(%rip), %rax; test %rax, %rax */
    static const char code[] = "\x90\x48\x8b\x05\x10\x00\x00\x00\x48\x85\xc0\xc3";
    struct go_reference r = {.at = 4, .size = 12, .code = "488b05@@@@@@@@4885c0", .shorter = ""};
    struct str whole = {code, sizeof code - 1};
    uint64_t variable;
    bool exact;
    assert_true(go_reference_follow(&r, whole, 0x1000, &variable, &exact));
    assert_int_equal(variable, 0x1018);
    assert_true(exact);
    r.within = 8;
    assert_true(go_reference_follow(&r, whole, 0x1000, &variable, &exact));
    assert_int_equal(variable, 0x1010);
    r.at = 7; /* elsewhere */
    assert_true(go_reference_follow(&r, whole, 0x1000, &variable, &exact));
    assert_int_equal(variable, 0x1010);
    assert_false(exact);
    r.code = "488b05@@@@@@@@4885c1";
    assert_false(go_reference_follow(&r, whole, 0x1000, &variable, &exact));
    r.code = "488b05@@@@@@@@4885c0c3..";
    assert_false(go_reference_follow(&r, whole, 0x1000, &variable, &exact));
    r.at = UINT16_MAX;
    r.code = "05@@@@@@@@4885c0";
    assert_true(go_reference_follow(&r, whole, 0x1000, &variable, &exact));
    assert_false(go_reference_follow(&r, (struct str){code, 10}, 0x1000, &variable, &exact));
    assert_false(go_reference_follow(&r, (struct str){"", 0}, 0x1000, &variable, &exact));
    /* what is around has changed */
    r.code = "488b05@@@@@@@@4885c1";
    r.shorter = "488b05@@@@@@@@48";
    assert_true(go_reference_follow(&r, whole, 0x1000, &variable, &exact));
    assert_int_equal(variable, 0x1010);
    assert_false(exact);
    /* two that lead to different places */
    static const char twice[] = "\x8b\x05\x10\x00\x00\x00\x8b\x05\x10\x00\x00\x00";
    r.code = "8b05@@@@@@@@";
    assert_false(go_reference_follow(&r, (struct str){twice, 12}, 0, &variable, &exact));
}

static void counts_votes(void **state)
{
    bool sure;
    struct go_vote vote = {0};
    assert_int_equal(go_vote_winner(&vote, &sure), 0);
    assert_false(sure);
    go_vote_add(&vote, 0x10, false);
    assert_int_equal(go_vote_winner(&vote, &sure), 0x10);
    assert_false(sure); /* one, and it has moved */
    go_vote_add(&vote, 0x10, false);
    assert_int_equal(go_vote_winner(&vote, &sure), 0x10);
    assert_true(sure);
    go_vote_add(&vote, 0x20, true);
    assert_int_equal(go_vote_winner(&vote, &sure), 0x10);
    assert_false(sure); /* not all */
    go_vote_add(&vote, 0x20, true);
    assert_int_equal(go_vote_winner(&vote, &sure), 0); /* a draw */
    assert_false(sure);
    vote = (struct go_vote){0};
    go_vote_add(&vote, 0x10, true);
    assert_int_equal(go_vote_winner(&vote, &sure), 0x10);
    assert_true(sure);
    for (unsigned i = 0; i < 10; i++)
        go_vote_add(&vote, 0x100 + i, true);
    assert_int_equal(go_vote_winner(&vote, &sure), 0);
}

/* m.allpSnapshot came with Go 1.23.12 and 1.24.6. */
static void patch_releases_move_fields(void **state)
{
    struct go_layout old, new;
    go_version_layout(go_version_find(24), 5, &old);
    go_version_layout(go_version_find(24), 6, &new);
    assert_int_equal(old.at[GO_M_CREATESTACK], 352);
    assert_int_equal(new.at[GO_M_CREATESTACK], 376);
    assert_int_equal(new.at[GO_M_ID], old.at[GO_M_ID]);
    go_version_layout(go_version_find(23), 3, &old);
    go_version_layout(go_version_find(23), 12, &new);
    assert_int_equal(new.at[GO_M_ALLLINK] - old.at[GO_M_ALLLINK], 24);
    assert_int_equal(new.at[GO_WORK_CYCLES] - old.at[GO_WORK_CYCLES], 32);
}

static void tables_are_whole(void **state)
{
    unsigned first, last;
    go_version_range(&first, &last);
    assert_null(go_version_find(first - 1));
    assert_null(go_version_find(last + 1));
    for (unsigned minor = first; minor <= last; minor++) {
        const struct go_version *version = go_version_find(minor);
        assert_non_null(version);
        assert_int_equal(go_buildinfo_minor(version->made_from), minor);
        unsigned n[GO_N_GLOBALS] = {0};
        for (size_t i = 0; i < version->n_references; i++) {
            const struct go_reference *r = &version->references[i];
            assert_true(r->global < GO_N_GLOBALS);
            assert_non_null(strstr(r->code, "@@@@@@@@"));
            assert_true(strlen(r->code) <= 128 && strlen(r->code) % 2 == 0);
            assert_true(r->at + 4 + r->tail <= r->size);
            assert_true(!r->shorter[0] || strstr(r->shorter, "@@@@@@@@"));
            n[r->global]++;
        }
        /* Go 1.20's is made of programs that do not use runtime.ticks, which is measured then. */
        for (size_t i = 0; i < GO_N_GLOBALS; i++)
            assert_true(n[i] > 0 || i == GO_VAR_FIRST_MODULE || (i == GO_VAR_TICKS && minor == 20));
        assert_int_equal(version->layout.at[GO_M_G0], 0);
        assert_true(version->layout.at[GO_G_SIZE] > version->layout.at[GO_G_GOID]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_buildinfo),
        cmocka_unit_test(follows_references),
        cmocka_unit_test(counts_votes),
        cmocka_unit_test(tables_are_whole),
        cmocka_unit_test(patch_releases_move_fields),
        cmocka_unit_test(finds_all_variables),
        cmocka_unit_test(finds_what_has_moved),
        cmocka_unit_test(leaves_out_what_does_not_hold),
        cmocka_unit_test(refuses_unknown_versions),
        cmocka_unit_test(refuses_another_layout),
        cmocka_unit_test(tells_what_is_no_go_program),
        cmocka_unit_test(tells_another_executable),
        cmocka_unit_test(survives_damage),
    };
    return cmocka_run_group_tests(tests, made_folder_enter, made_folder_leave);
}
