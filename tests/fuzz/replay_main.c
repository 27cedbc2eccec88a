/* replay_main: runs a fuzz target over files, for builds without libFuzzer.
 *
 *   replay_NAME [--if-there] FILE_OR_FOLDER...
 *
 * The target aborts when an input breaks it; its name was printed before.
 * Exits 1 when something cannot be read, 77 when there is no input at all; what follows
 * --if-there may be missing. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t n_passed, n_failed;

static void replay_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    struct stat st;
    uint8_t *data = NULL;
    if (file && fstat(fileno(file), &st) == 0 && (data = malloc((size_t)st.st_size + 1)) &&
        fread(data, 1, (size_t)st.st_size, file) == (size_t)st.st_size) {
        /* Exactly as large as the input, so that a sanitizer sees reads past it. */
        uint8_t *exact = realloc(data, (size_t)st.st_size + !st.st_size);
        data = exact ? exact : data;
        fprintf(stderr, "%s\n", path);
        LLVMFuzzerTestOneInput(data, (size_t)st.st_size);
        n_passed++;
    } else {
        perror(path);
        n_failed++;
    }
    free(data);
    if (file)
        fclose(file);
}

static void replay(const char *path)
{
    struct stat st;
    if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode)) {
        replay_file(path);
        return;
    }
    struct dirent **entries;
    int n = scandir(path, &entries, NULL, alphasort);
    if (n < 0) {
        perror(path);
        n_failed++;
        return;
    }
    for (int i = 0; i < n; i++) {
        char inner[4096];
        snprintf(inner, sizeof inner, "%s/%s", path, entries[i]->d_name);
        if (entries[i]->d_name[0] != '.')
            replay(inner);
        free(entries[i]);
    }
    free(entries);
}

int main(int argc, char **argv)
{
    int first = argc > 1 && strcmp(argv[1], "--if-there") == 0 ? 2 : 1;
    for (int i = first; i < argc; i++) {
        if (first == 2 && access(argv[i], F_OK) != 0)
            printf("SKIPPED: there is no '%s'\n", argv[i]);
        else
            replay(argv[i]);
    }
    if (n_passed + n_failed == 0) {
        printf("no inputs to replay\n0 passed, 0 failed, 1 skipped\n");
        return 77;
    }
    printf("%zu passed, %zu failed, 0 skipped\n", n_passed, n_failed);
    return n_failed != 0;
}
