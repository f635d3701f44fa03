import socket
for family in (socket.AF_INET, socket.AF_INET6, 40, 38, 16, 17):
    try:
        socket.socket(family, socket.SOCK_STREAM)
        while True:
            print('a socket of family', family)
    except OSError:
        pass
