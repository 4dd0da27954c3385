/* The guest's program for copying files, as a program of the host. */
#include "agent.h"

int main(int count, char **arguments) { return files_main(count, arguments); }
