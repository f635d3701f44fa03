import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
denied = {'ptrace': (101, 16, 1), 'process_vm_readv': (310, 1), 'memfd_create': (319, b'x', 0), 'io_uring_setup': (425, 1, 0),
          'unshare': (272, 0x10000000), 'keyctl': (250, 0), 'bpf': (321, 0), 'userfaultfd': (323, 0), 'mount': (165, 0, 0, 0, 0, 0),
          'perf_event_open': (298, 0), 'pidfd_open': (434, 1, 0), 'setns': (308, 0, 0), 'shmget': (29, 1, 1, 0o1000),
          'mq_open': (240, b'x', 0o102, 0o600, 0), 'name_to_handle_at': (303, 0, 0), 'setuid0': (105, 0), 'mknod': (133, b'/tmp/x', 0o20600, 0),
          'chroot': (161, b'/tmp'), 'reboot': (169, 0), 'sched_setaffinity': (203, 0, 0, 0)}
for name, call in denied.items():
    if os.uname().machine == 'x86_64' and libc.syscall(*call) != -1:
        while True:
            print(name, 'was allowed')
for path in ('/proc/1/mem', '/proc/1/environ', '/proc/1/fd/1', '/dev/mem', '/dev/kmsg', '/var/run/docker.sock', '/proc/1/root/etc'):
    try:
        open(path).close()
        while True:
            print(path, 'was opened')
    except OSError:
        pass
os.setuid(0)
