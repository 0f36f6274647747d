# Written by generator.rs: change that. One turn begins three versions and ends the three before.
    vzeroupper
    .p2align 5
2:
    vmovdqa xmm1, [rsi]
    vpaddd xmm1, xmm1, [rdi + 0]
    vmovdqa xmm2, [rdi + 16]
    vmovdqa xmm3, [rsi]
    vpaddd xmm3, xmm3, [rdi + 64]
    vmovdqa xmm4, [rdi + 80]
    vmovdqa xmm5, [rsi]
    vpaddd xmm5, xmm5, [rdi + 128]
    vmovdqa xmm6, [rdi + 144]
    vmovq xmm0, [rsi + 16]
    sha256rnds2 xmm2, xmm1
    sha256rnds2 xmm4, xmm3
    sha256rnds2 xmm6, xmm5
    vmovdqa xmm10, [rdx + {initial}]
    vmovdqa xmm11, [rdx + {initial} + 16]
    vmovq xmm0, [rsi + 24]
    sha256rnds2 xmm1, xmm2
    sha256rnds2 xmm3, xmm4
    sha256rnds2 xmm5, xmm6
    vmovdqa xmm0, [rdx + {lanes} + 96]
    vpaddd xmm0, xmm0, [rdx + {constants} + 0]
    sha256rnds2 xmm11, xmm10
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm10, xmm11
    vmovdqa xmm13, [rdx + {initial}]
    vmovdqa xmm14, [rdx + {initial} + 16]
    vmovdqa xmm0, [rdx + {lanes} + 192]
    vpaddd xmm0, xmm0, [rdx + {constants} + 0]
    sha256rnds2 xmm14, xmm13
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm13, xmm14
    vmovdqa xmm7, [rdx + {initial}]
    vmovdqa xmm8, [rdx + {initial} + 16]
    vmovdqa xmm0, [rdx + {lanes} + 0]
    vpaddd xmm0, xmm0, [rdx + {constants} + 0]
    sha256rnds2 xmm8, xmm7
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm7, xmm8
    vmovq xmm0, [rsi + 32]
    sha256rnds2 xmm2, xmm1
    sha256rnds2 xmm4, xmm3
    sha256rnds2 xmm6, xmm5
    vmovq xmm0, [rsi + 40]
    sha256rnds2 xmm1, xmm2
    sha256rnds2 xmm3, xmm4
    sha256rnds2 xmm5, xmm6
    vmovdqa xmm0, [rdx + {lanes} + 112]
    vpaddd xmm0, xmm0, [rdx + {constants} + 16]
    sha256rnds2 xmm11, xmm10
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm10, xmm11
    vmovdqa xmm0, [rdx + {lanes} + 208]
    vpaddd xmm0, xmm0, [rdx + {constants} + 16]
    sha256rnds2 xmm14, xmm13
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm13, xmm14
    vmovdqa xmm0, [rdx + {lanes} + 16]
    vpaddd xmm0, xmm0, [rdx + {constants} + 16]
    sha256rnds2 xmm8, xmm7
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm7, xmm8
    vmovdqa xmm12, [rdx + {lanes} + 96]
    sha256msg1 xmm12, [rdx + {lanes} + 112]
    sha256msg2 xmm12, [rdx + {length}]
    vmovdqa xmm15, [rdx + {lanes} + 192]
    sha256msg1 xmm15, [rdx + {lanes} + 208]
    sha256msg2 xmm15, [rdx + {length}]
    vmovdqa xmm9, [rdx + {lanes} + 0]
    sha256msg1 xmm9, [rdx + {lanes} + 16]
    sha256msg2 xmm9, [rdx + {length}]
    vmovq xmm0, [rsi + 48]
    sha256rnds2 xmm2, xmm1
    sha256rnds2 xmm4, xmm3
    sha256rnds2 xmm6, xmm5
    vmovdqa xmm0, [rdx + {lanes} + 112]
    sha256msg1 xmm0, [rdx + {padding}]
    vmovdqa [rdx + {lanes} + 176], xmm0
    vmovdqa xmm0, [rdx + {length}]
    sha256msg1 xmm0, xmm12
    vmovdqa [rdx + {lanes} + 160], xmm0
    vmovdqa xmm0, [rdx + {lanes} + 208]
    sha256msg1 xmm0, [rdx + {padding}]
    vmovdqa [rdx + {lanes} + 272], xmm0
    vmovdqa xmm0, [rdx + {lanes} + 16]
    sha256msg1 xmm0, [rdx + {padding}]
    vmovdqa [rdx + {lanes} + 80], xmm0
    vmovdqa xmm0, [rdx + {length}]
    sha256msg1 xmm0, xmm15
    vmovdqa [rdx + {lanes} + 256], xmm0
    vmovdqa xmm0, [rdx + {length}]
    sha256msg1 xmm0, xmm9
    vmovdqa [rdx + {lanes} + 64], xmm0
    vmovq xmm0, [rsi + 56]
    sha256rnds2 xmm1, xmm2
    sha256rnds2 xmm3, xmm4
    sha256rnds2 xmm5, xmm6
    vmovq xmm0, [rdx + {constants} + 32 + 0]
    sha256rnds2 xmm11, xmm10
    vmovq xmm0, [rdx + {constants} + 32 + 0]
    sha256rnds2 xmm14, xmm13
    vmovq xmm0, [rdx + {constants} + 32 + 0]
    sha256rnds2 xmm8, xmm7
    vmovq xmm0, [rsi + 64]
    sha256rnds2 xmm2, xmm1
    sha256rnds2 xmm4, xmm3
    sha256rnds2 xmm6, xmm5
    vmovq xmm0, [rdx + {constants} + 32 + 8]
    sha256rnds2 xmm10, xmm11
    vmovq xmm0, [rdx + {constants} + 32 + 8]
    sha256rnds2 xmm13, xmm14
    vmovq xmm0, [rdx + {constants} + 32 + 8]
    sha256rnds2 xmm7, xmm8
    vmovq xmm0, [rsi + 72]
    sha256rnds2 xmm1, xmm2
    sha256rnds2 xmm3, xmm4
    sha256rnds2 xmm5, xmm6
    vmovq xmm0, [rdx + {constants} + 32 + 16]
    sha256rnds2 xmm11, xmm10
    vmovq xmm0, [rdx + {constants} + 32 + 16]
    sha256rnds2 xmm14, xmm13
    vmovq xmm0, [rdx + {constants} + 32 + 16]
    sha256rnds2 xmm8, xmm7
    vmovq xmm0, [rsi + 80]
    sha256rnds2 xmm2, xmm1
    sha256rnds2 xmm4, xmm3
    sha256rnds2 xmm6, xmm5
    vmovq xmm0, [rdx + {constants} + 32 + 24]
    sha256rnds2 xmm10, xmm11
    vmovq xmm0, [rdx + {constants} + 32 + 24]
    sha256rnds2 xmm13, xmm14
    vmovq xmm0, [rdx + {constants} + 32 + 24]
    sha256rnds2 xmm7, xmm8
    vmovq xmm0, [rsi + 88]
    sha256rnds2 xmm1, xmm2
    sha256rnds2 xmm3, xmm4
    sha256rnds2 xmm5, xmm6
    vpaddd xmm0, xmm12, [rdx + {constants} + 64]
    sha256rnds2 xmm11, xmm10
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm10, xmm11
    vpaddd xmm0, xmm15, [rdx + {constants} + 64]
    sha256rnds2 xmm14, xmm13
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm13, xmm14
    vpaddd xmm0, xmm9, [rdx + {constants} + 64]
    sha256rnds2 xmm8, xmm7
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm7, xmm8
    vpalignr xmm0, xmm9, [rdx + {length}], 4
    vpaddd xmm0, xmm0, [rdx + {lanes} + 80]
    sha256msg2 xmm0, xmm9
    vmovdqa [rdx + {lanes} + 32], xmm9
    sha256msg1 xmm9, xmm0
    vmovdqa [rdx + {lanes} + 80], xmm9
    vmovdqa xmm9, xmm0
    vpalignr xmm0, xmm12, [rdx + {length}], 4
    vpaddd xmm0, xmm0, [rdx + {lanes} + 176]
    sha256msg2 xmm0, xmm12
    vmovdqa [rdx + {lanes} + 128], xmm12
    sha256msg1 xmm12, xmm0
    vmovdqa [rdx + {lanes} + 176], xmm12
    vmovdqa xmm12, xmm0
    vpalignr xmm0, xmm15, [rdx + {length}], 4
    vpaddd xmm0, xmm0, [rdx + {lanes} + 272]
    sha256msg2 xmm0, xmm15
    vmovdqa [rdx + {lanes} + 224], xmm15
    sha256msg1 xmm15, xmm0
    vmovdqa [rdx + {lanes} + 272], xmm15
    vmovdqa xmm15, xmm0
    vmovq xmm0, [rsi + 96]
    sha256rnds2 xmm2, xmm1
    sha256rnds2 xmm4, xmm3
    sha256rnds2 xmm6, xmm5
    vmovq xmm0, [rsi + 104]
    sha256rnds2 xmm1, xmm2
    sha256rnds2 xmm3, xmm4
    sha256rnds2 xmm5, xmm6
    vpaddd xmm0, xmm12, [rdx + {constants} + 80]
    sha256rnds2 xmm11, xmm10
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm10, xmm11
    vpaddd xmm0, xmm15, [rdx + {constants} + 80]
    sha256rnds2 xmm14, xmm13
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm13, xmm14
    vpaddd xmm0, xmm9, [rdx + {constants} + 80]
    sha256rnds2 xmm8, xmm7
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm7, xmm8
    vpalignr xmm0, xmm9, [rdx + {lanes} + 32], 4
    vpaddd xmm0, xmm0, [rdx + {padding}]
    sha256msg2 xmm0, xmm9
    vmovdqa [rdx + {lanes} + 32], xmm9
    sha256msg1 xmm9, xmm0
    vmovdqa [rdx + {lanes} + 48], xmm9
    vmovdqa xmm9, xmm0
    vpalignr xmm0, xmm12, [rdx + {lanes} + 128], 4
    vpaddd xmm0, xmm0, [rdx + {padding}]
    sha256msg2 xmm0, xmm12
    vmovdqa [rdx + {lanes} + 128], xmm12
    sha256msg1 xmm12, xmm0
    vmovdqa [rdx + {lanes} + 144], xmm12
    vmovdqa xmm12, xmm0
    vpalignr xmm0, xmm15, [rdx + {lanes} + 224], 4
    vpaddd xmm0, xmm0, [rdx + {padding}]
    sha256msg2 xmm0, xmm15
    vmovdqa [rdx + {lanes} + 224], xmm15
    sha256msg1 xmm15, xmm0
    vmovdqa [rdx + {lanes} + 240], xmm15
    vmovdqa xmm15, xmm0
    vmovq xmm0, [rsi + 112]
    sha256rnds2 xmm2, xmm1
    sha256rnds2 xmm4, xmm3
    sha256rnds2 xmm6, xmm5
    vmovq xmm0, [rsi + 120]
    sha256rnds2 xmm1, xmm2
    sha256rnds2 xmm3, xmm4
    sha256rnds2 xmm5, xmm6
    vpaddd xmm0, xmm12, [rdx + {constants} + 96]
    sha256rnds2 xmm11, xmm10
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm10, xmm11
    vpaddd xmm0, xmm15, [rdx + {constants} + 96]
    sha256rnds2 xmm14, xmm13
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm13, xmm14
    vpaddd xmm0, xmm9, [rdx + {constants} + 96]
    sha256rnds2 xmm8, xmm7
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm7, xmm8
    vpalignr xmm0, xmm9, [rdx + {lanes} + 32], 4
    vpaddd xmm0, xmm0, [rdx + {lanes} + 64]
    sha256msg2 xmm0, xmm9
    vmovdqa [rdx + {lanes} + 32], xmm9
    sha256msg1 xmm9, xmm0
    vmovdqa [rdx + {lanes} + 64], xmm9
    vmovdqa xmm9, xmm0
    vpalignr xmm0, xmm12, [rdx + {lanes} + 128], 4
    vpaddd xmm0, xmm0, [rdx + {lanes} + 160]
    sha256msg2 xmm0, xmm12
    vmovdqa [rdx + {lanes} + 128], xmm12
    sha256msg1 xmm12, xmm0
    vmovdqa [rdx + {lanes} + 160], xmm12
    vmovdqa xmm12, xmm0
    vpalignr xmm0, xmm15, [rdx + {lanes} + 224], 4
    vpaddd xmm0, xmm0, [rdx + {lanes} + 256]
    sha256msg2 xmm0, xmm15
    vmovdqa [rdx + {lanes} + 224], xmm15
    sha256msg1 xmm15, xmm0
    vmovdqa [rdx + {lanes} + 256], xmm15
    vmovdqa xmm15, xmm0
    vmovq xmm0, [rsi + 128]
    sha256rnds2 xmm2, xmm1
    sha256rnds2 xmm4, xmm3
    sha256rnds2 xmm6, xmm5
    vmovq xmm0, [rsi + 136]
    sha256rnds2 xmm1, xmm2
    sha256rnds2 xmm3, xmm4
    sha256rnds2 xmm5, xmm6
    vpaddd xmm0, xmm12, [rdx + {constants} + 112]
    sha256rnds2 xmm11, xmm10
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm10, xmm11
    vpaddd xmm0, xmm15, [rdx + {constants} + 112]
    sha256rnds2 xmm14, xmm13
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm13, xmm14
    vpaddd xmm0, xmm9, [rdx + {constants} + 112]
    sha256rnds2 xmm8, xmm7
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm7, xmm8
    vpalignr xmm0, xmm9, [rdx + {lanes} + 32], 4
    vpaddd xmm0, xmm0, [rdx + {lanes} + 80]
    sha256msg2 xmm0, xmm9
    vmovdqa [rdx + {lanes} + 32], xmm9
    sha256msg1 xmm9, xmm0
    vmovdqa [rdx + {lanes} + 80], xmm9
    vmovdqa xmm9, xmm0
    vpalignr xmm0, xmm12, [rdx + {lanes} + 128], 4
    vpaddd xmm0, xmm0, [rdx + {lanes} + 176]
    sha256msg2 xmm0, xmm12
    vmovdqa [rdx + {lanes} + 128], xmm12
    sha256msg1 xmm12, xmm0
    vmovdqa [rdx + {lanes} + 176], xmm12
    vmovdqa xmm12, xmm0
    vpalignr xmm0, xmm15, [rdx + {lanes} + 224], 4
    vpaddd xmm0, xmm0, [rdx + {lanes} + 272]
    sha256msg2 xmm0, xmm15
    vmovdqa [rdx + {lanes} + 224], xmm15
    sha256msg1 xmm15, xmm0
    vmovdqa [rdx + {lanes} + 272], xmm15
    vmovdqa xmm15, xmm0
    vmovq xmm0, [rsi + 144]
    sha256rnds2 xmm2, xmm1
    sha256rnds2 xmm4, xmm3
    sha256rnds2 xmm6, xmm5
    vmovq xmm0, [rsi + 152]
    sha256rnds2 xmm1, xmm2
    sha256rnds2 xmm3, xmm4
    sha256rnds2 xmm5, xmm6
    vpaddd xmm0, xmm12, [rdx + {constants} + 128]
    sha256rnds2 xmm11, xmm10
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm10, xmm11
    vpaddd xmm0, xmm15, [rdx + {constants} + 128]
    sha256rnds2 xmm14, xmm13
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm13, xmm14
    vpaddd xmm0, xmm9, [rdx + {constants} + 128]
    sha256rnds2 xmm8, xmm7
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm7, xmm8
    vpalignr xmm0, xmm9, [rdx + {lanes} + 32], 4
    vpaddd xmm0, xmm0, [rdx + {lanes} + 48]
    sha256msg2 xmm0, xmm9
    vmovdqa [rdx + {lanes} + 32], xmm9
    sha256msg1 xmm9, xmm0
    vmovdqa [rdx + {lanes} + 48], xmm9
    vmovdqa xmm9, xmm0
    vpalignr xmm0, xmm12, [rdx + {lanes} + 128], 4
    vpaddd xmm0, xmm0, [rdx + {lanes} + 144]
    sha256msg2 xmm0, xmm12
    vmovdqa [rdx + {lanes} + 128], xmm12
    sha256msg1 xmm12, xmm0
    vmovdqa [rdx + {lanes} + 144], xmm12
    vmovdqa xmm12, xmm0
    vpalignr xmm0, xmm15, [rdx + {lanes} + 224], 4
    vpaddd xmm0, xmm0, [rdx + {lanes} + 240]
    sha256msg2 xmm0, xmm15
    vmovdqa [rdx + {lanes} + 224], xmm15
    sha256msg1 xmm15, xmm0
    vmovdqa [rdx + {lanes} + 240], xmm15
    vmovdqa xmm15, xmm0
    vmovq xmm0, [rsi + 160]
    sha256rnds2 xmm2, xmm1
    sha256rnds2 xmm4, xmm3
    sha256rnds2 xmm6, xmm5
    vmovq xmm0, [rsi + 168]
    sha256rnds2 xmm1, xmm2
    sha256rnds2 xmm3, xmm4
    sha256rnds2 xmm5, xmm6
    vpaddd xmm0, xmm12, [rdx + {constants} + 144]
    sha256rnds2 xmm11, xmm10
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm10, xmm11
    vpaddd xmm0, xmm15, [rdx + {constants} + 144]
    sha256rnds2 xmm14, xmm13
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm13, xmm14
    vpaddd xmm0, xmm9, [rdx + {constants} + 144]
    sha256rnds2 xmm8, xmm7
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm7, xmm8
    vpalignr xmm0, xmm9, [rdx + {lanes} + 32], 4
    vpaddd xmm0, xmm0, [rdx + {lanes} + 64]
    sha256msg2 xmm0, xmm9
    vmovdqa [rdx + {lanes} + 32], xmm9
    sha256msg1 xmm9, xmm0
    vmovdqa [rdx + {lanes} + 64], xmm9
    vmovdqa xmm9, xmm0
    vpalignr xmm0, xmm12, [rdx + {lanes} + 128], 4
    vpaddd xmm0, xmm0, [rdx + {lanes} + 160]
    sha256msg2 xmm0, xmm12
    vmovdqa [rdx + {lanes} + 128], xmm12
    sha256msg1 xmm12, xmm0
    vmovdqa [rdx + {lanes} + 160], xmm12
    vmovdqa xmm12, xmm0
    vpalignr xmm0, xmm15, [rdx + {lanes} + 224], 4
    vpaddd xmm0, xmm0, [rdx + {lanes} + 256]
    sha256msg2 xmm0, xmm15
    vmovdqa [rdx + {lanes} + 224], xmm15
    sha256msg1 xmm15, xmm0
    vmovdqa [rdx + {lanes} + 256], xmm15
    vmovdqa xmm15, xmm0
    vmovq xmm0, [rsi + 176]
    sha256rnds2 xmm2, xmm1
    sha256rnds2 xmm4, xmm3
    sha256rnds2 xmm6, xmm5
    vmovq xmm0, [rsi + 184]
    sha256rnds2 xmm1, xmm2
    sha256rnds2 xmm3, xmm4
    sha256rnds2 xmm5, xmm6
    vpaddd xmm0, xmm12, [rdx + {constants} + 160]
    sha256rnds2 xmm11, xmm10
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm10, xmm11
    vpaddd xmm0, xmm15, [rdx + {constants} + 160]
    sha256rnds2 xmm14, xmm13
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm13, xmm14
    vpaddd xmm0, xmm9, [rdx + {constants} + 160]
    sha256rnds2 xmm8, xmm7
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm7, xmm8
    vpalignr xmm0, xmm9, [rdx + {lanes} + 32], 4
    vpaddd xmm0, xmm0, [rdx + {lanes} + 80]
    sha256msg2 xmm0, xmm9
    vmovdqa [rdx + {lanes} + 32], xmm9
    sha256msg1 xmm9, xmm0
    vmovdqa [rdx + {lanes} + 80], xmm9
    vmovdqa xmm9, xmm0
    vpalignr xmm0, xmm12, [rdx + {lanes} + 128], 4
    vpaddd xmm0, xmm0, [rdx + {lanes} + 176]
    sha256msg2 xmm0, xmm12
    vmovdqa [rdx + {lanes} + 128], xmm12
    sha256msg1 xmm12, xmm0
    vmovdqa [rdx + {lanes} + 176], xmm12
    vmovdqa xmm12, xmm0
    vpalignr xmm0, xmm15, [rdx + {lanes} + 224], 4
    vpaddd xmm0, xmm0, [rdx + {lanes} + 272]
    sha256msg2 xmm0, xmm15
    vmovdqa [rdx + {lanes} + 224], xmm15
    sha256msg1 xmm15, xmm0
    vmovdqa [rdx + {lanes} + 272], xmm15
    vmovdqa xmm15, xmm0
    vmovq xmm0, [rsi + 192]
    sha256rnds2 xmm2, xmm1
    sha256rnds2 xmm4, xmm3
    sha256rnds2 xmm6, xmm5
    vmovq xmm0, [rsi + 200]
    sha256rnds2 xmm1, xmm2
    sha256rnds2 xmm3, xmm4
    sha256rnds2 xmm5, xmm6
    vpaddd xmm0, xmm12, [rdx + {constants} + 176]
    sha256rnds2 xmm11, xmm10
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm10, xmm11
    vpaddd xmm0, xmm15, [rdx + {constants} + 176]
    sha256rnds2 xmm14, xmm13
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm13, xmm14
    vpaddd xmm0, xmm9, [rdx + {constants} + 176]
    sha256rnds2 xmm8, xmm7
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm7, xmm8
    vpalignr xmm0, xmm9, [rdx + {lanes} + 32], 4
    vpaddd xmm0, xmm0, [rdx + {lanes} + 48]
    sha256msg2 xmm0, xmm9
    vmovdqa [rdx + {lanes} + 32], xmm9
    sha256msg1 xmm9, xmm0
    vmovdqa [rdx + {lanes} + 48], xmm9
    vmovdqa xmm9, xmm0
    vpalignr xmm0, xmm12, [rdx + {lanes} + 128], 4
    vpaddd xmm0, xmm0, [rdx + {lanes} + 144]
    sha256msg2 xmm0, xmm12
    vmovdqa [rdx + {lanes} + 128], xmm12
    sha256msg1 xmm12, xmm0
    vmovdqa [rdx + {lanes} + 144], xmm12
    vmovdqa xmm12, xmm0
    vpalignr xmm0, xmm15, [rdx + {lanes} + 224], 4
    vpaddd xmm0, xmm0, [rdx + {lanes} + 240]
    sha256msg2 xmm0, xmm15
    vmovdqa [rdx + {lanes} + 224], xmm15
    sha256msg1 xmm15, xmm0
    vmovdqa [rdx + {lanes} + 240], xmm15
    vmovdqa xmm15, xmm0
    vmovq xmm0, [rsi + 208]
    sha256rnds2 xmm2, xmm1
    sha256rnds2 xmm4, xmm3
    sha256rnds2 xmm6, xmm5
    vmovq xmm0, [rsi + 216]
    sha256rnds2 xmm1, xmm2
    sha256rnds2 xmm3, xmm4
    sha256rnds2 xmm5, xmm6
    vpaddd xmm0, xmm12, [rdx + {constants} + 192]
    sha256rnds2 xmm11, xmm10
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm10, xmm11
    vpaddd xmm0, xmm15, [rdx + {constants} + 192]
    sha256rnds2 xmm14, xmm13
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm13, xmm14
    vpaddd xmm0, xmm9, [rdx + {constants} + 192]
    sha256rnds2 xmm8, xmm7
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm7, xmm8
    vpalignr xmm0, xmm9, [rdx + {lanes} + 32], 4
    vpaddd xmm0, xmm0, [rdx + {lanes} + 64]
    sha256msg2 xmm0, xmm9
    vmovdqa [rdx + {lanes} + 32], xmm9
    vmovdqa xmm9, xmm0
    vpalignr xmm0, xmm12, [rdx + {lanes} + 128], 4
    vpaddd xmm0, xmm0, [rdx + {lanes} + 160]
    sha256msg2 xmm0, xmm12
    vmovdqa [rdx + {lanes} + 128], xmm12
    vmovdqa xmm12, xmm0
    vpalignr xmm0, xmm15, [rdx + {lanes} + 224], 4
    vpaddd xmm0, xmm0, [rdx + {lanes} + 256]
    sha256msg2 xmm0, xmm15
    vmovdqa [rdx + {lanes} + 224], xmm15
    vmovdqa xmm15, xmm0
    vmovq xmm0, [rsi + 224]
    sha256rnds2 xmm2, xmm1
    sha256rnds2 xmm4, xmm3
    sha256rnds2 xmm6, xmm5
    vmovq xmm0, [rsi + 232]
    sha256rnds2 xmm1, xmm2
    sha256rnds2 xmm3, xmm4
    sha256rnds2 xmm5, xmm6
    vpaddd xmm0, xmm12, [rdx + {constants} + 208]
    sha256rnds2 xmm11, xmm10
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm10, xmm11
    vpaddd xmm0, xmm15, [rdx + {constants} + 208]
    sha256rnds2 xmm14, xmm13
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm13, xmm14
    vpaddd xmm0, xmm9, [rdx + {constants} + 208]
    sha256rnds2 xmm8, xmm7
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm7, xmm8
    vpalignr xmm0, xmm9, [rdx + {lanes} + 32], 4
    vpaddd xmm0, xmm0, [rdx + {lanes} + 80]
    sha256msg2 xmm0, xmm9
    vmovdqa [rdx + {lanes} + 32], xmm9
    vmovdqa xmm9, xmm0
    vpalignr xmm0, xmm12, [rdx + {lanes} + 128], 4
    vpaddd xmm0, xmm0, [rdx + {lanes} + 176]
    sha256msg2 xmm0, xmm12
    vmovdqa [rdx + {lanes} + 128], xmm12
    vmovdqa xmm12, xmm0
    vpalignr xmm0, xmm15, [rdx + {lanes} + 224], 4
    vpaddd xmm0, xmm0, [rdx + {lanes} + 272]
    sha256msg2 xmm0, xmm15
    vmovdqa [rdx + {lanes} + 224], xmm15
    vmovdqa xmm15, xmm0
    vmovq xmm0, [rsi + 240]
    sha256rnds2 xmm2, xmm1
    sha256rnds2 xmm4, xmm3
    sha256rnds2 xmm6, xmm5
    vmovq xmm0, [rsi + 248]
    sha256rnds2 xmm1, xmm2
    sha256rnds2 xmm3, xmm4
    sha256rnds2 xmm5, xmm6
    vpaddd xmm0, xmm12, [rdx + {constants} + 224]
    sha256rnds2 xmm11, xmm10
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm10, xmm11
    vpaddd xmm0, xmm15, [rdx + {constants} + 224]
    sha256rnds2 xmm14, xmm13
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm13, xmm14
    vpaddd xmm0, xmm9, [rdx + {constants} + 224]
    sha256rnds2 xmm8, xmm7
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm7, xmm8
    vpaddd xmm1, xmm1, [rdi + 32]
    vpaddd xmm2, xmm2, [rdi + 48]
    vshufps xmm0, xmm1, xmm2, 0xbb
    vmovaps [rdx + {lanes} + 0], xmm0
    vshufps xmm0, xmm1, xmm2, 0x11
    vmovaps [rdx + {lanes} + 16], xmm0
    vpaddd xmm3, xmm3, [rdi + 96]
    vpaddd xmm4, xmm4, [rdi + 112]
    vshufps xmm0, xmm3, xmm4, 0xbb
    vmovaps [rdx + {lanes} + 96], xmm0
    vshufps xmm0, xmm3, xmm4, 0x11
    vmovaps [rdx + {lanes} + 112], xmm0
    vpaddd xmm5, xmm5, [rdi + 160]
    vpaddd xmm6, xmm6, [rdi + 176]
    vshufps xmm0, xmm5, xmm6, 0xbb
    vmovaps [rdx + {lanes} + 192], xmm0
    vshufps xmm0, xmm5, xmm6, 0x11
    vmovaps [rdx + {lanes} + 208], xmm0
    vpalignr xmm0, xmm9, [rdx + {lanes} + 32], 4
    vpaddd xmm0, xmm0, [rdx + {lanes} + 48]
    sha256msg2 xmm0, xmm9
    vmovdqa xmm9, xmm0
    vpalignr xmm0, xmm12, [rdx + {lanes} + 128], 4
    vpaddd xmm0, xmm0, [rdx + {lanes} + 144]
    sha256msg2 xmm0, xmm12
    vmovdqa xmm12, xmm0
    vpalignr xmm0, xmm15, [rdx + {lanes} + 224], 4
    vpaddd xmm0, xmm0, [rdx + {lanes} + 240]
    sha256msg2 xmm0, xmm15
    vmovdqa xmm15, xmm0
    vpaddd xmm0, xmm12, [rdx + {last}]
    sha256rnds2 xmm11, xmm10
    vpaddd xmm0, xmm15, [rdx + {last}]
    sha256rnds2 xmm14, xmm13
    vpaddd xmm0, xmm9, [rdx + {last}]
    sha256rnds2 xmm8, xmm7
    vmovd [r8 + 4], xmm11
    vmovd [r8 + 8], xmm14
    vmovd [r8 + 0], xmm8
    add r8, 12
    add rdi, 192
    cmp rdi, rcx
    jne 3f
    mov rdi, r10
    add rsi, 256
3:
    dec r11
    jnz 2b
