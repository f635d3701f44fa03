package Codebudget; our $token = <STDIN>; chomp($token) if defined $token; $| = 1;
sub line { print STDOUT "\n$token $_[0]\n"; }
sub answer { line(show($_[0])); }
sub show {
    my ($value) = @_;
    return "undef" if !defined $value;
    return "[" . join(", ", map { show($_) } @$value) . "]" if ref $value eq "ARRAY";
    return "{" . join(", ", map { show($_) . " => " . show($value->{$_}) } sort keys %$value) . "}" if ref $value eq "HASH";
    my $text = "$value"; $text =~ s/([\\"])/\\$1/g; $text =~ s/\n/\\n/g; $text =~ s/([\x00-\x1f])/sprintf("\\x%02x", ord($1))/ge;
    return "\"$text\"";
}
package main;
