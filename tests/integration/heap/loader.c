/* loader: a program without C++ that loads a library with it, and calls into it. */
#include <dlfcn.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    void *library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
    int (*run)(void) = library ? (int (*)(void))dlsym(library, "run_operators") : NULL;
    if (!run) {
        fprintf(stderr, "loader: %s\n", dlerror());
        return 1;
    }
    return run();
}
