# SPDX-License-Identifier: Apache-2.0
# In OpenSSL's source: takes out of its tables what a TLS client with the options of src/tls and the primitives of src/crypto never
# asks for. Each rule must change something, and each name to keep must be there, or the version is another than this was written for.
use strict;
use warnings;

sub edit {
    my ($file, $change) = @_;
    open my $in, '<', $file or die "$file: $!\n";
    my $before = do { local $/; <$in> };
    close $in;
    my $after = $change->($before);
    die "$file: nothing to leave out\n" if $after eq $before;
    open my $out, '>', $file or die "$file: $!\n";
    print $out $after;
    close $out or die "$file: $!\n";
}

# ossl_NAME_functions of providers/defltprov.c.
my %keep = map { $_ => 0 } qw(
    sha1 sha224 sha256 sha384 sha512 sha3_256 sha3_512 shake_128 shake_256 blake2b512
    aes128ecb aes256ecb aes128ctr aes256ctr aes128gcm aes256gcm aes256gcm_siv chacha20 chacha20_ossl_poly1305
    hmac blake2bmac kdf_hkdf kdf_tls1_3_kdf kdf_tls1_prf kdf_argon2id drbg_ctr
    ecdh_keyexch x25519_keyexch mlx_kem_asym_kem ml_kem_asym_kem
    rsa_signature rsa_sha256_signature rsa_sha384_signature rsa_sha512_signature
    ecdsa_signature ecdsa_sha256_signature ecdsa_sha384_signature ecdsa_sha512_signature ed25519_signature
    mac_legacy_hmac_signature mac_legacy_keymgmt
    rsa_keymgmt rsapss_keymgmt ec_keymgmt x25519_keymgmt ed25519_keymgmt ml_kem_768_keymgmt mlx_x25519_kem_kmgmt
    aes_skeymgmt generic_skeymgmt
);
sub if_kept {
    my ($entry, $name) = @_;
    return '' unless exists $keep{$name};
    $keep{$name}++;
    return $entry;
}
my $hybrids = qr/X448MLKEM1024|SecP256r1MLKEM768|SecP384r1MLKEM1024/;
edit('providers/defltprov.c', sub {
    my $t = shift;
    $t =~ s/\{\s*(?:PROV_NAMES_|")$hybrids\b[^{}]*\},//g;
    $t =~ s/(\{\s*(?:PROV_NAMES_|")[^{}]*?\bossl_(\w+)_functions\b[^{}]*\},)/if_kept($1, $2)/ge;
    $t =~ s/(ALGC?\(PROV_NAMES_\w+,\s*ossl_(\w+)_functions\b[^)]*\),)/if_kept($1, $2)/ge;
    $t =~ s/#include "(?:encoders|stores)\.inc"\n//g;
    return $t;
});
for my $name (sort keys %keep) {
    die "providers/defltprov.c: $name is not there\n" unless $keep{$name};
}

# Of certificates comes only the form in which they hold keys.
edit('providers/decoders.inc', sub {
    my $t = shift;
    $t =~ s/^DECODER(?!_w_structure\("(?:EC|ED25519|X25519|RSA|RSA-PSS|DER)", der, SubjectPublicKeyInfo).*\(".*\n//gm;
    return $t;
});

# Extensions that verification reads; others are told of as unknown, which they are to us.
edit('crypto/x509/standard_exts.h', sub {
    my $t = shift;
    my $read = qr/nscert|skey_id|key_usage|alt\[|bcons|cpols|akey_id|crld|ext_ku|policy_constraints|pci|name_constraints|policy_mappings|inhibit_anyp/;
    $t =~ s/^ +&ossl_v3_(?!$read).*\n//gm;
    return $t;
});

# DH and curve 448 in the tables of keys.
edit('crypto/asn1/standard_methods.h', sub { my $t = shift; $t =~ s/^ +&ossl_(?:dhx?|ecx448|ed448)_asn1_meth,\n//gm; return $t; });
edit('crypto/evp/pmeth_lib.c', sub { my $t = shift; $t =~ s/^ +ossl_(?:dhx?|ecx448|ed448)_pkey_method,\n//gm; return $t; });

# Words for errors of libraries that have nothing to say here; those of TLS and certificates stay.
edit('crypto/err/err_all.c', sub {
    my $t = shift;
    $t =~ s/^ +\|\| ossl_err_load_(?!ERR|EVP|X509_|CRYPTO|RAND|PROV)\w+_strings\(\) == 0.*\n//gm;
    return $t;
});

# The server's half of TLS.
edit('ssl/statem/extensions.c', sub {
    my $t = shift;
    $t =~ s/\btls_(?:parse_ctos|construct_stoc)_\w+(?=,)/NULL/g;
    $t =~ s/return tls_handle_alpn\(s\);/return 0;/;
    return $t;
});
edit('ssl/statem/statem.c', sub { my $t = shift; $t =~ s/\bossl_statem_server_(?=\w+)/ossl_statem_client_/g; return $t; });
