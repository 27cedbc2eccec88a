/* sonde: the program.  Nothing but this file ends the process. */
#include "base/pages.h"
#include "ui/cli.h"

#include <fcntl.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    pages_prepare_heap();
    /* Closed standard streams are filled, read-only, so that no file we open becomes
     * stdout or stderr by accident; writing to one still fails and is reported. */
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDONLY) < 0)
            return 1;
    return cli_main(argc, argv);
}
