/* tasuki - the command line of staff and registrar; everything stands in node/cli/. */
#include "node/cli/cli.h"

int main(int argc, char **argv)
{
    return tsk_cli_main(argc, argv);
}
