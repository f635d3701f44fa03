import os
for name in (b'-rf', b'a\nb', b'\xff\xfe', b'x' * 255, b' ', b'*'):
    os.mkdir(b'/tmp/' + name)
    open(b'/tmp/' + name + b'/' + name, 'w').close()
os._exit(0)
