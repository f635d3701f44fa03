for path in ('/x', '/usr/x', '/opt/box/x', '/etc/passwd', '/proc/sys/kernel/core_pattern', '/sys/x', '/dev/x', '/run/x', '/var/tmp/x'):
    try:
        open(path, 'w').close()
        print('wrote', path)
        while True:
            pass
    except OSError:
        pass
