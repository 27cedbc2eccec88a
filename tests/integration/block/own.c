/* own: waits on a futex by an instruction of its own. */
#include <linux/futex.h>
#include <sys/syscall.h>

int main(void)
{
    int word = 1;
    const long pause[2] = {0, 1000000};
    long result;
    register const long *timeout __asm__("r10") = pause;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(SYS_futex), "D"(&word), "S"(FUTEX_WAIT_PRIVATE), "d"(1), "r"(timeout)
                     : "rcx", "r11", "memory");
    return result == 0;
}
