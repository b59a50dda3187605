Password hashing. The hashes are those of the tests of the reference implementation.

=== argon2 gives the hashes of the reference implementation
--- run
show(argon2("password", "somesalt", 2, 65536, 1));
show(argon2("password", "somesalt", 2, 256, 1));
show(argon2("password", "somesalt", 2, 256, 2));
show(argon2("password", "somesalt", 1, 65536, 1));
show(argon2("differentpassword", "somesalt", 2, 65536, 1));
show(argon2("password", "diffsalt", 2, 65536, 1));
show(argon2("password", "saltsalt")[1..31]);
show(argon2("password", "saltsalt") == argon2("password", "saltsalt", 3, 4096, 1));
--- expect
"$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
"$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"
"$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc"
"$argon2id$v=19$m=65536,t=1,p=1$c29tZXNhbHQ$9qWtwbpyPd3vm1rB1GThgPzZ3/ydHL92zKL+15XZypg"
"$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$C4TWUs9rDEvq7w3+J4umqA32aWKB1+DSiRuBfYxFj94"
"$argon2id$v=19$m=65536,t=2,p=1$ZGlmZnNhbHQ$vfMrBczELrFdWP0ZsfhWsRPaHppYdP3MVEMIVlqoFBw"
"$argon2id$v=19$m=4096,t=3,p=1$c"
1
=> 0

=== argon2_verify knows the password and nothing else
--- run
h = argon2("secret", "saltsalt", 1, 64);
show(argon2_verify(h, "secret"), argon2_verify(h, "Secret"), argon2_verify(h, ""), argon2_verify("", "secret"), argon2_verify("$argon2id$v=19$m=64", "secret"));
show(argon2_verify(h[1..$ - 1], "secret"), argon2_verify("$argon2i$v=19$m=64,t=1,p=1$c2FsdHNhbHQ$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "secret"));
show(argon2_verify(argon2("", "saltsalt", 1, 64), ""));
--- expect
1 0 0 0 0
0 0
1
=> 0

=== argon2 says what is wrong with its arguments
--- verb #0:attempt xd #2
try
call_function(@args);
except e (ANY)
show(@e[1..2]);
endtry
--- verb #0:as_programmer xd #3
try
call_function(@args);
except e (ANY)
show(@e[1..2]);
endtry
--- run
#0:attempt("argon2", "secret");
#0:attempt("argon2", "secret", "saltsalt", "2");
#0:attempt("argon2", "secret", 7);
#0:attempt("argon2_verify", 1, "secret");
#0:attempt("argon2", "secret", "short");
#0:attempt("argon2", "secret", "saltsalt", 0);
#0:attempt("argon2", "secret", "saltsalt", -1);
#0:attempt("argon2", "secret", "saltsalt", 1, 7);
#0:attempt("argon2", "secret", "saltsalt", 1, 64, 0);
#0:attempt("argon2", "secret", "saltsalt", 1, 64, 16);
#0:attempt("argon2", "secret", "saltsalt", 1, 64, 65);
#0:attempt("argon2", "secret", "saltsalt", 1, 2000000);
#0:attempt("argon2", "secret", "saltsalt", 4294967297);
#0:attempt("argon2_verify", "$argon2id$v=19$m=2000000,t=1,p=1$c2FsdHNhbHQ$AAAA", "secret");
#0:attempt("argon2_verify", "$argon2id$v=19$m=99999999999999999999,t=1,p=1$c2FsdHNhbHQ$AAAA", "secret");
#0:as_programmer("argon2", "secret", "saltsalt");
#0:as_programmer("argon2_verify", "$argon2id$", "secret");
--- expect
E_ARGS "Incorrect number of arguments"
E_TYPE "Type mismatch"
E_TYPE "Type mismatch"
E_TYPE "Type mismatch"
E_INVIND "Salt is too short"
E_INVIND "Time cost is too small"
E_INVIND "Time cost is too small"
E_INVIND "Memory cost is too small"
E_INVIND "Too few lanes"
E_INVIND "Memory cost is too small"
E_QUOTA "This would take too long: memory up to 1048576, memory times iterations up to 16777216, parallelism up to 64 and times iterations up to 65536"
E_QUOTA "This would take too long: memory up to 1048576, memory times iterations up to 16777216, parallelism up to 64 and times iterations up to 65536"
E_QUOTA "This would take too long: memory up to 1048576, memory times iterations up to 16777216, parallelism up to 64 and times iterations up to 65536"
E_QUOTA "This would take too long: memory up to 1048576, memory times iterations up to 16777216, parallelism up to 64 and times iterations up to 65536"
E_QUOTA "This would take too long: memory up to 1048576, memory times iterations up to 16777216, parallelism up to 64 and times iterations up to 65536"
E_PERM "Permission denied"
E_PERM "Permission denied"
=> 0
