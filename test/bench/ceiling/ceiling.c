// ceiling is the least that answering a request on Linux can cost: one epoll loop per thread on a socket of its own, one
// read and one write per batch of requests, and no HTTP at all. Every blank line that a client sends is answered with the
// same response, which is made when the program starts.
//
//   ceiling PORT LOOPS BODYFILE [close]
//
// It sends the bytes of BODYFILE as the body. With "close" each connection is closed after its first response. It is no
// server: a blank line within a body is taken for a request, and one that arrives in two pieces is not seen, so use it only
// with a load that sends whole requests, as wrk does.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MAX_EVENTS = 256, MAX_READ = 64 << 10, MIN_BLOCK = 64 << 10, MAX_CONNS = 1 << 20 };

// conn is what is owed to a client: this many bytes of an endless repetition of the response, from this offset in it.
struct conn {
	size_t owed, offset;
	int waiting; // for the socket to take more
};

static int port, closing;
static char *block;                          // the response, repeated
static size_t response_size, block_size;
static struct conn *conns;                   // by descriptor; each belongs to the loop that accepted it
static size_t conns_size;

static void fail(const char *what) {
	perror(what);
	exit(1);
}

// render makes the response from the body file, and repeats it so that a batch of answers is one write.
static void render(const char *path) {
	FILE *f = fopen(path, "rb");
	if (!f || fseek(f, 0, SEEK_END)) fail(path);
	long body = ftell(f);
	rewind(f);
	char head[256];
	int n = snprintf(head, sizeof head,
		"HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Type: text/plain\r\nContent-Length: %ld\r\n%s\r\n",
		body, closing ? "Connection: close\r\n" : "");
	response_size = (size_t)n + (size_t)body;
	size_t copies = response_size < MIN_BLOCK ? MIN_BLOCK / response_size : 1;
	block_size = copies * response_size;
	block = malloc(block_size);
	if (!block) fail("malloc");
	memcpy(block, head, (size_t)n);
	if (fread(block + n, 1, (size_t)body, f) != (size_t)body) fail(path);
	fclose(f);
	for (size_t i = 1; i < copies; i++) memcpy(block + i * response_size, block, response_size);
}

static int listen_on(int port) {
	int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	if (fd < 0) fail("socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
	if (bind(fd, (struct sockaddr *)&at, sizeof at)) fail("bind");
	if (listen(fd, 4096)) fail("listen");
	return fd;
}

static void watch(int ep, int op, int fd, uint32_t events) {
	struct epoll_event e = {.events = events, .data.fd = fd};
	if (epoll_ctl(ep, op, fd, &e)) fail("epoll_ctl");
}

static void accept_all(int ep, int listener) {
	int fd, on = 1;
	while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		if ((size_t)fd >= conns_size) {
			close(fd);
			continue;
		}
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
		conns[fd] = (struct conn){0};
		watch(ep, EPOLL_CTL_ADD, fd, EPOLLIN);
	}
}

// pay sends what is owed as far as the socket takes it. It returns 0 when the connection is over.
static int pay(int ep, int fd) {
	struct conn *c = &conns[fd];
	while (c->owed) {
		size_t n = block_size - c->offset;
		ssize_t sent = send(fd, block + c->offset, n < c->owed ? n : c->owed, MSG_NOSIGNAL);
		if (sent < 0 && errno != EAGAIN) return 0;
		if (sent < 0) {
			if (!c->waiting) watch(ep, EPOLL_CTL_MOD, fd, EPOLLOUT);
			c->waiting = 1;
			return 1;
		}
		c->owed -= (size_t)sent;
		c->offset = (c->offset + (size_t)sent) % response_size;
	}
	if (c->waiting) watch(ep, EPOLL_CTL_MOD, fd, EPOLLIN);
	c->waiting = 0;
	return !closing;
}

// take reads once and counts the requests. It returns 0 when the connection is over.
static int take(int fd, char *buf) {
	ssize_t n = read(fd, buf, MAX_READ);
	if (n <= 0) return n < 0 && errno == EAGAIN;
	for (char *at = buf, *end = buf + n; (at = memmem(at, (size_t)(end - at), "\r\n\r\n", 4)); at += 4) conns[fd].owed += response_size;
	return 1;
}

static void serve(int ep, int fd, char *buf) {
	int idle = conns[fd].owed == 0;
	if (idle && !take(fd, buf)) close(fd);
	else if (conns[fd].owed && !pay(ep, fd)) close(fd);
}

static void *loop(void *unused) {
	char *buf = malloc(MAX_READ);
	if (!buf) fail("malloc");
	struct epoll_event events[MAX_EVENTS];
	int listener = listen_on(port), ep = epoll_create1(EPOLL_CLOEXEC);
	if (ep < 0) fail("epoll_create1");
	watch(ep, EPOLL_CTL_ADD, listener, EPOLLIN);
	for (;;) {
		int n = epoll_wait(ep, events, MAX_EVENTS, -1);
		if (n < 0 && errno != EINTR) fail("epoll_wait");
		for (int i = 0; i < n; i++) {
			if (events[i].data.fd == listener) accept_all(ep, listener);
			else serve(ep, events[i].data.fd, buf);
		}
	}
	return unused;
}

int main(int argc, char **argv) {
	if (argc < 4) {
		fprintf(stderr, "usage: ceiling PORT LOOPS BODYFILE [close]\n");
		return 2;
	}
	port = atoi(argv[1]);
	closing = argc > 4 && strcmp(argv[4], "close") == 0;
	struct rlimit files;
	if (getrlimit(RLIMIT_NOFILE, &files)) fail("getrlimit");
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	conns_size = files.rlim_cur < MAX_CONNS ? files.rlim_cur : MAX_CONNS;
	conns = calloc(conns_size, sizeof *conns);
	if (!conns) fail("calloc");
	render(argv[3]);
	for (int i = atoi(argv[2]); i > 0; i--) {
		pthread_t thread;
		if (pthread_create(&thread, NULL, loop, NULL)) fail("pthread_create");
	}
	pause();
}
