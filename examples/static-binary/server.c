/* The smallest useful server: answers every request on the port of its first argument with one line. */
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int count, char **arguments) {
  int port = count > 1 ? atoi(arguments[1]) : 8080;
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
  int server = socket(AF_INET, SOCK_STREAM, 0);
  setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
  if (bind(server, (struct sockaddr *)&address, sizeof address) != 0 || listen(server, 128) != 0) {
    perror("listen");
    return 1;
  }
  signal(SIGPIPE, SIG_IGN);
  printf("listening on %d\n", port);
  fflush(stdout);
  for (unsigned long served = 1;; served++) {
    int client = accept(server, NULL, NULL);
    if (client < 0) continue;
    char request[8192], body[64], head[160];
    size_t length = 0;
    while (length < sizeof request - 1) { /* until the empty line behind the head */
      ssize_t more = read(client, request + length, sizeof request - 1 - length);
      if (more <= 0) break;
      length += (size_t)more;
      request[length] = 0;
      if (strstr(request, "\r\n\r\n") != NULL) break;
    }
    int size = snprintf(body, sizeof body, "request %lu, process %d\n", served, (int)getpid());
    int head_size = snprintf(head, sizeof head,
                             "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: %d\r\n"
                             "connection: close\r\n\r\n", size);
    if (write(client, head, (size_t)head_size) == head_size) (void)!write(client, body, (size_t)size);
    shutdown(client, SHUT_WR);
    close(client);
  }
}
