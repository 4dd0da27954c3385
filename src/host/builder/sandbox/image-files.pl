# image-files.pl ROOT OUT CONFIG: makes the image's working directory if it is missing and copies /etc/passwd and
# /etc/group out. Both happen in a chroot, so that the image's symbolic links mean what they mean in the container.
use strict;
my ($root, $out, $config) = @ARGV;
open my $file, '<', $config or die "$config: $!";
my $text = do { local $/; <$file> };
my ($directory) = $text =~ /"WorkingDir"\s*:\s*"((?:[^"\\]|\\.)*)"/;
my %results;
for my $name ('passwd', 'group') {
  open $results{$name}, '>', "$out/$name" or die "$out/$name: $!";
}
chroot $root or die "chroot: $!";
chdir '/';
for my $name ('passwd', 'group') {
  next unless -f "/etc/$name" and open my $source, '<', "/etc/$name";
  read $source, my $content, 1 << 20;
  print { $results{$name} } $content // '';
  close $results{$name} or die "$name: $!";
}
if (defined $directory) {
  $directory =~ s/\\u([0-9a-f]{4})/chr hex $1/gie;
  $directory =~ s/\\(.)/$1/g;
  my $path = '';
  for my $part (grep { length } split m{/}, $directory) {
    $path .= "/$part";
    mkdir $path, 0755 or -d $path or die "working directory $path: $!";
  }
}
