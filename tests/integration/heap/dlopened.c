/* dlopened: a program that loads another allocator, argv[1], beside its own, and uses both. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

__attribute__((noinline)) static void use_own(void)
{
    for (int i = 0; i < 1000; i++) {
        void *volatile p = malloc(200);
        p = realloc(p, 400);
        free(p);
    }
}

int main(int argc, char **argv)
{
    void *library = dlopen(argv[1], RTLD_NOW | RTLD_GLOBAL);
    if (library) {
        void *(*other_malloc)(size_t) = (void *(*)(size_t))dlsym(library, "malloc");
        void (*other_free)(void *) = (void (*)(void *))dlsym(library, "free");
        for (int i = 0; i < 1000; i++)
            other_free(other_malloc(100));
    }
    use_own();
    printf("%s\n", library ? "loaded" : dlerror());
    return 0;
}
