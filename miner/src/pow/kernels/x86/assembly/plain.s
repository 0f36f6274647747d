# Written by generator.rs: change that. One turn begins five nonces and ends the five before.
    vzeroupper
    .p2align 5
2:
    vpaddd xmm0, xmm3, [rdx + {last}]
    sha256rnds2 xmm2, xmm1
    vpaddd xmm0, xmm9, [rdx + {constants} + 176]
    sha256rnds2 xmm8, xmm7
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm7, xmm8
    vpalignr xmm0, xmm9, [rdx + {lanes} + 224], 4
    vpaddd xmm0, xmm0, [rdx + {lanes} + 240]
    sha256msg2 xmm0, xmm9
    vmovdqa [rdx + {lanes} + 224], xmm9
    sha256msg1 xmm9, xmm0
    vmovdqa [rdx + {lanes} + 240], xmm9
    vmovdqa xmm9, xmm0
    vpaddd xmm0, xmm15, [rdx + {constants} + 208]
    sha256rnds2 xmm14, xmm13
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm13, xmm14
    vpalignr xmm0, xmm15, [rdx + {lanes} + 416], 4
    vpaddd xmm0, xmm0, [rdx + {lanes} + 464]
    sha256msg2 xmm0, xmm15
    vmovdqa [rdx + {lanes} + 416], xmm15
    vmovdqa xmm15, xmm0
    vpaddd xmm0, xmm12, [rdx + {constants} + 224]
    sha256rnds2 xmm11, xmm10
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm10, xmm11
    vpalignr xmm0, xmm12, [rdx + {lanes} + 320], 4
    vpaddd xmm0, xmm0, [rdx + {lanes} + 336]
    sha256msg2 xmm0, xmm12
    vmovdqa xmm12, xmm0
    vmovd [r8 + 0], xmm2
    vpaddd xmm0, xmm6, [rdx + {constants} + 160]
    sha256rnds2 xmm5, xmm4
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm4, xmm5
    vpalignr xmm0, xmm6, [rdx + {lanes} + 128], 4
    vpaddd xmm0, xmm0, [rdx + {lanes} + 176]
    sha256msg2 xmm0, xmm6
    vmovdqa [rdx + {lanes} + 128], xmm6
    sha256msg1 xmm6, xmm0
    vmovdqa [rdx + {lanes} + 176], xmm6
    vmovdqa xmm6, xmm0
    vmovd xmm3, [rsi + 0]
    vpshufd xmm1, xmm3, 0x11
    vpaddd xmm1, xmm1, [rdx + {start}]
    vmovdqa xmm2, [rdx + {start} + 16]
    vpslldq xmm3, xmm3, 12
    sha256msg1 xmm3, [rdx + {zero}]
    vpaddd xmm3, xmm3, [rdx + {bases}]
    vmovq xmm0, [rdx + {padded} + 0]
    sha256rnds2 xmm2, xmm1
    vpaddd xmm0, xmm9, [rdx + {constants} + 192]
    sha256rnds2 xmm8, xmm7
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm7, xmm8
    vpalignr xmm0, xmm9, [rdx + {lanes} + 224], 4
    vpaddd xmm0, xmm0, [rdx + {lanes} + 256]
    sha256msg2 xmm0, xmm9
    vmovdqa [rdx + {lanes} + 224], xmm9
    vmovdqa xmm9, xmm0
    vpaddd xmm0, xmm15, [rdx + {constants} + 224]
    sha256rnds2 xmm14, xmm13
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm13, xmm14
    vpalignr xmm0, xmm15, [rdx + {lanes} + 416], 4
    vpaddd xmm0, xmm0, [rdx + {lanes} + 432]
    sha256msg2 xmm0, xmm15
    vmovdqa xmm15, xmm0
    vpaddd xmm0, xmm12, [rdx + {constants} + 240]
    sha256rnds2 xmm11, xmm10
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm10, xmm11
    vmovq xmm0, [rdx + {padded} + 8]
    sha256rnds2 xmm1, xmm2
    vpaddd xmm0, xmm6, [rdx + {constants} + 176]
    sha256rnds2 xmm5, xmm4
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm4, xmm5
    vpalignr xmm0, xmm6, [rdx + {lanes} + 128], 4
    vpaddd xmm0, xmm0, [rdx + {lanes} + 144]
    sha256msg2 xmm0, xmm6
    vmovdqa [rdx + {lanes} + 128], xmm6
    sha256msg1 xmm6, xmm0
    vmovdqa [rdx + {lanes} + 144], xmm6
    vmovdqa xmm6, xmm0
    vmovq xmm0, [rdx + {padded} + 16]
    sha256rnds2 xmm2, xmm1
    vpaddd xmm0, xmm9, [rdx + {constants} + 208]
    sha256rnds2 xmm8, xmm7
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm7, xmm8
    vpalignr xmm0, xmm9, [rdx + {lanes} + 224], 4
    vpaddd xmm0, xmm0, [rdx + {lanes} + 272]
    sha256msg2 xmm0, xmm9
    vmovdqa [rdx + {lanes} + 224], xmm9
    vmovdqa xmm9, xmm0
    vpaddd xmm0, xmm15, [rdx + {constants} + 240]
    sha256rnds2 xmm14, xmm13
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm13, xmm14
    vmovq xmm0, [rdx + {padded} + 24]
    sha256rnds2 xmm1, xmm2
    vpaddd xmm10, xmm10, [rdx + {midstate}]
    vpaddd xmm11, xmm11, [rdx + {midstate} + 16]
    vshufps xmm0, xmm10, xmm11, 0xbb
    vmovaps [rdx + {lanes} + 288], xmm0
    vshufps xmm0, xmm10, xmm11, 0x11
    vmovaps [rdx + {lanes} + 304], xmm0
    vpaddd xmm0, xmm6, [rdx + {constants} + 192]
    sha256rnds2 xmm5, xmm4
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm4, xmm5
    vpalignr xmm0, xmm6, [rdx + {lanes} + 128], 4
    vpaddd xmm0, xmm0, [rdx + {lanes} + 160]
    sha256msg2 xmm0, xmm6
    vmovdqa [rdx + {lanes} + 128], xmm6
    vmovdqa xmm6, xmm0
    vmovq xmm0, [rdx + {padded} + 32]
    sha256rnds2 xmm2, xmm1
    vpaddd xmm0, xmm9, [rdx + {constants} + 224]
    sha256rnds2 xmm8, xmm7
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm7, xmm8
    vpalignr xmm0, xmm9, [rdx + {lanes} + 224], 4
    vpaddd xmm0, xmm0, [rdx + {lanes} + 240]
    sha256msg2 xmm0, xmm9
    vmovdqa xmm9, xmm0
    vmovdqa xmm10, [rdx + {initial}]
    vmovdqa xmm11, [rdx + {initial} + 16]
    vmovdqa xmm0, [rdx + {lanes} + 288]
    vpaddd xmm0, xmm0, [rdx + {constants} + 0]
    sha256rnds2 xmm11, xmm10
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm10, xmm11
    vmovq xmm0, [rdx + {padded} + 40]
    sha256rnds2 xmm1, xmm2
    vpaddd xmm13, xmm13, [rdx + {midstate}]
    vpaddd xmm14, xmm14, [rdx + {midstate} + 16]
    vshufps xmm0, xmm13, xmm14, 0xbb
    vmovaps [rdx + {lanes} + 384], xmm0
    vshufps xmm0, xmm13, xmm14, 0x11
    vmovaps [rdx + {lanes} + 400], xmm0
    vpaddd xmm0, xmm6, [rdx + {constants} + 208]
    sha256rnds2 xmm5, xmm4
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm4, xmm5
    vpalignr xmm0, xmm6, [rdx + {lanes} + 128], 4
    vpaddd xmm0, xmm0, [rdx + {lanes} + 176]
    sha256msg2 xmm0, xmm6
    vmovdqa [rdx + {lanes} + 128], xmm6
    vmovdqa xmm6, xmm0
    vpaddd xmm0, xmm3, [rdx + {constants} + 64]
    sha256rnds2 xmm2, xmm1
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm1, xmm2
    vmovdqa xmm0, [rdx + {bases} + 16]
    sha256msg2 xmm0, xmm3
    vmovdqa [rdx + {lanes} + 32], xmm3
    sha256msg1 xmm3, xmm0
    vmovdqa [rdx + {lanes} + 80], xmm3
    vmovdqa xmm3, xmm0
    vpaddd xmm0, xmm9, [rdx + {last}]
    sha256rnds2 xmm8, xmm7
    vmovdqa xmm13, [rdx + {initial}]
    vmovdqa xmm14, [rdx + {initial} + 16]
    vmovdqa xmm0, [rdx + {lanes} + 384]
    vpaddd xmm0, xmm0, [rdx + {constants} + 0]
    sha256rnds2 xmm14, xmm13
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm13, xmm14
    vmovdqa xmm0, [rdx + {lanes} + 304]
    vpaddd xmm0, xmm0, [rdx + {constants} + 16]
    sha256rnds2 xmm11, xmm10
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm10, xmm11
    vmovd [r8 + 8], xmm8
    vmovdqa xmm12, [rdx + {lanes} + 288]
    sha256msg1 xmm12, [rdx + {lanes} + 304]
    sha256msg2 xmm12, [rdx + {length}]
    vpaddd xmm0, xmm6, [rdx + {constants} + 224]
    sha256rnds2 xmm5, xmm4
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm4, xmm5
    vpalignr xmm0, xmm6, [rdx + {lanes} + 128], 4
    vpaddd xmm0, xmm0, [rdx + {lanes} + 144]
    sha256msg2 xmm0, xmm6
    vmovdqa xmm6, xmm0
    vpaddd xmm0, xmm3, [rdx + {constants} + 80]
    sha256rnds2 xmm2, xmm1
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm1, xmm2
    vpalignr xmm0, xmm3, [rdx + {lanes} + 32], 4
    sha256msg2 xmm0, xmm3
    vmovdqa [rdx + {lanes} + 32], xmm3
    sha256msg1 xmm3, xmm0
    vmovdqa [rdx + {lanes} + 48], xmm3
    vmovdqa xmm3, xmm0
    vmovdqa xmm0, [rdx + {lanes} + 304]
    sha256msg1 xmm0, [rdx + {padding}]
    vmovdqa [rdx + {lanes} + 368], xmm0
    vmovd xmm9, [rsi + 8]
    vpshufd xmm7, xmm9, 0x11
    vpaddd xmm7, xmm7, [rdx + {start}]
    vmovdqa xmm8, [rdx + {start} + 16]
    vpslldq xmm9, xmm9, 12
    sha256msg1 xmm9, [rdx + {zero}]
    vpaddd xmm9, xmm9, [rdx + {bases}]
    vmovq xmm0, [rdx + {padded} + 0]
    sha256rnds2 xmm8, xmm7
    vmovdqa xmm0, [rdx + {length}]
    sha256msg1 xmm0, xmm12
    vmovdqa [rdx + {lanes} + 352], xmm0
    vmovdqa xmm0, [rdx + {lanes} + 400]
    vpaddd xmm0, xmm0, [rdx + {constants} + 16]
    sha256rnds2 xmm14, xmm13
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm13, xmm14
    vmovq xmm0, [rdx + {constants} + 32 + 0]
    sha256rnds2 xmm11, xmm10
    vmovq xmm0, [rdx + {padded} + 8]
    sha256rnds2 xmm7, xmm8
    vmovdqa xmm15, [rdx + {lanes} + 384]
    sha256msg1 xmm15, [rdx + {lanes} + 400]
    sha256msg2 xmm15, [rdx + {length}]
    vpaddd xmm0, xmm6, [rdx + {last}]
    sha256rnds2 xmm5, xmm4
    vmovq xmm0, [rdx + {constants} + 32 + 8]
    sha256rnds2 xmm10, xmm11
    vmovdqa xmm0, [rdx + {lanes} + 400]
    sha256msg1 xmm0, [rdx + {padding}]
    vmovdqa [rdx + {lanes} + 464], xmm0
    vpaddd xmm0, xmm3, [rdx + {constants} + 96]
    sha256rnds2 xmm2, xmm1
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm1, xmm2
    vpalignr xmm0, xmm3, [rdx + {lanes} + 32], 4
    vpaddd xmm0, xmm0, [rdx + {bases} + 32]
    sha256msg2 xmm0, xmm3
    vmovdqa [rdx + {lanes} + 32], xmm3
    sha256msg1 xmm3, xmm0
    vmovdqa [rdx + {lanes} + 64], xmm3
    vmovdqa xmm3, xmm0
    vmovq xmm0, [rdx + {padded} + 16]
    sha256rnds2 xmm8, xmm7
    vmovdqa xmm0, [rdx + {length}]
    sha256msg1 xmm0, xmm15
    vmovdqa [rdx + {lanes} + 448], xmm0
    vmovd [r8 + 4], xmm5
    vmovq xmm0, [rdx + {constants} + 32 + 0]
    sha256rnds2 xmm14, xmm13
    vmovq xmm0, [rdx + {constants} + 32 + 16]
    sha256rnds2 xmm11, xmm10
    vmovq xmm0, [rdx + {padded} + 24]
    sha256rnds2 xmm7, xmm8
    vmovd xmm6, [rsi + 4]
    vpshufd xmm4, xmm6, 0x11
    vpaddd xmm4, xmm4, [rdx + {start}]
    vmovdqa xmm5, [rdx + {start} + 16]
    vpslldq xmm6, xmm6, 12
    sha256msg1 xmm6, [rdx + {zero}]
    vpaddd xmm6, xmm6, [rdx + {bases}]
    vmovq xmm0, [rdx + {padded} + 0]
    sha256rnds2 xmm5, xmm4
    vmovq xmm0, [rdx + {constants} + 32 + 8]
    sha256rnds2 xmm13, xmm14
    vmovq xmm0, [rdx + {constants} + 32 + 24]
    sha256rnds2 xmm10, xmm11
    vpaddd xmm0, xmm3, [rdx + {constants} + 112]
    sha256rnds2 xmm2, xmm1
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm1, xmm2
    vpalignr xmm0, xmm3, [rdx + {lanes} + 32], 4
    vpaddd xmm0, xmm0, [rdx + {lanes} + 80]
    sha256msg2 xmm0, xmm3
    vmovdqa [rdx + {lanes} + 32], xmm3
    sha256msg1 xmm3, xmm0
    vmovdqa [rdx + {lanes} + 80], xmm3
    vmovdqa xmm3, xmm0
    vmovq xmm0, [rdx + {padded} + 32]
    sha256rnds2 xmm8, xmm7
    vmovq xmm0, [rdx + {padded} + 8]
    sha256rnds2 xmm4, xmm5
    vmovq xmm0, [rdx + {constants} + 32 + 16]
    sha256rnds2 xmm14, xmm13
    vpaddd xmm0, xmm12, [rdx + {constants} + 64]
    sha256rnds2 xmm11, xmm10
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm10, xmm11
    vpalignr xmm0, xmm12, [rdx + {length}], 4
    vpaddd xmm0, xmm0, [rdx + {lanes} + 368]
    sha256msg2 xmm0, xmm12
    vmovdqa [rdx + {lanes} + 320], xmm12
    sha256msg1 xmm12, xmm0
    vmovdqa [rdx + {lanes} + 368], xmm12
    vmovdqa xmm12, xmm0
    vmovq xmm0, [rdx + {padded} + 40]
    sha256rnds2 xmm7, xmm8
    vmovq xmm0, [rdx + {padded} + 16]
    sha256rnds2 xmm5, xmm4
    vmovq xmm0, [rdx + {constants} + 32 + 24]
    sha256rnds2 xmm13, xmm14
    vpaddd xmm0, xmm3, [rdx + {constants} + 128]
    sha256rnds2 xmm2, xmm1
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm1, xmm2
    vpalignr xmm0, xmm3, [rdx + {lanes} + 32], 4
    vpaddd xmm0, xmm0, [rdx + {lanes} + 48]
    sha256msg2 xmm0, xmm3
    vmovdqa [rdx + {lanes} + 32], xmm3
    sha256msg1 xmm3, xmm0
    vmovdqa [rdx + {lanes} + 48], xmm3
    vmovdqa xmm3, xmm0
    vpaddd xmm0, xmm9, [rdx + {constants} + 64]
    sha256rnds2 xmm8, xmm7
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm7, xmm8
    vmovdqa xmm0, [rdx + {bases} + 16]
    sha256msg2 xmm0, xmm9
    vmovdqa [rdx + {lanes} + 224], xmm9
    sha256msg1 xmm9, xmm0
    vmovdqa [rdx + {lanes} + 272], xmm9
    vmovdqa xmm9, xmm0
    vmovq xmm0, [rdx + {padded} + 24]
    sha256rnds2 xmm4, xmm5
    vpaddd xmm0, xmm15, [rdx + {constants} + 64]
    sha256rnds2 xmm14, xmm13
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm13, xmm14
    vpalignr xmm0, xmm15, [rdx + {length}], 4
    vpaddd xmm0, xmm0, [rdx + {lanes} + 464]
    sha256msg2 xmm0, xmm15
    vmovdqa [rdx + {lanes} + 416], xmm15
    sha256msg1 xmm15, xmm0
    vmovdqa [rdx + {lanes} + 464], xmm15
    vmovdqa xmm15, xmm0
    vpaddd xmm0, xmm12, [rdx + {constants} + 80]
    sha256rnds2 xmm11, xmm10
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm10, xmm11
    vpalignr xmm0, xmm12, [rdx + {lanes} + 320], 4
    vpaddd xmm0, xmm0, [rdx + {padding}]
    sha256msg2 xmm0, xmm12
    vmovdqa [rdx + {lanes} + 320], xmm12
    sha256msg1 xmm12, xmm0
    vmovdqa [rdx + {lanes} + 336], xmm12
    vmovdqa xmm12, xmm0
    vmovq xmm0, [rdx + {padded} + 32]
    sha256rnds2 xmm5, xmm4
    vpaddd xmm0, xmm3, [rdx + {constants} + 144]
    sha256rnds2 xmm2, xmm1
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm1, xmm2
    vpalignr xmm0, xmm3, [rdx + {lanes} + 32], 4
    vpaddd xmm0, xmm0, [rdx + {lanes} + 64]
    sha256msg2 xmm0, xmm3
    vmovdqa [rdx + {lanes} + 32], xmm3
    sha256msg1 xmm3, xmm0
    vmovdqa [rdx + {lanes} + 64], xmm3
    vmovdqa xmm3, xmm0
    vpaddd xmm0, xmm9, [rdx + {constants} + 80]
    sha256rnds2 xmm8, xmm7
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm7, xmm8
    vpalignr xmm0, xmm9, [rdx + {lanes} + 224], 4
    sha256msg2 xmm0, xmm9
    vmovdqa [rdx + {lanes} + 224], xmm9
    sha256msg1 xmm9, xmm0
    vmovdqa [rdx + {lanes} + 240], xmm9
    vmovdqa xmm9, xmm0
    vmovq xmm0, [rdx + {padded} + 40]
    sha256rnds2 xmm4, xmm5
    vpaddd xmm0, xmm15, [rdx + {constants} + 80]
    sha256rnds2 xmm14, xmm13
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm13, xmm14
    vpalignr xmm0, xmm15, [rdx + {lanes} + 416], 4
    vpaddd xmm0, xmm0, [rdx + {padding}]
    sha256msg2 xmm0, xmm15
    vmovdqa [rdx + {lanes} + 416], xmm15
    sha256msg1 xmm15, xmm0
    vmovdqa [rdx + {lanes} + 432], xmm15
    vmovdqa xmm15, xmm0
    vpaddd xmm0, xmm12, [rdx + {constants} + 96]
    sha256rnds2 xmm11, xmm10
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm10, xmm11
    vpalignr xmm0, xmm12, [rdx + {lanes} + 320], 4
    vpaddd xmm0, xmm0, [rdx + {lanes} + 352]
    sha256msg2 xmm0, xmm12
    vmovdqa [rdx + {lanes} + 320], xmm12
    sha256msg1 xmm12, xmm0
    vmovdqa [rdx + {lanes} + 352], xmm12
    vmovdqa xmm12, xmm0
    vpaddd xmm0, xmm6, [rdx + {constants} + 64]
    sha256rnds2 xmm5, xmm4
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm4, xmm5
    vmovdqa xmm0, [rdx + {bases} + 16]
    sha256msg2 xmm0, xmm6
    vmovdqa [rdx + {lanes} + 128], xmm6
    sha256msg1 xmm6, xmm0
    vmovdqa [rdx + {lanes} + 176], xmm6
    vmovdqa xmm6, xmm0
    vpaddd xmm0, xmm3, [rdx + {constants} + 160]
    sha256rnds2 xmm2, xmm1
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm1, xmm2
    vpalignr xmm0, xmm3, [rdx + {lanes} + 32], 4
    vpaddd xmm0, xmm0, [rdx + {lanes} + 80]
    sha256msg2 xmm0, xmm3
    vmovdqa [rdx + {lanes} + 32], xmm3
    sha256msg1 xmm3, xmm0
    vmovdqa [rdx + {lanes} + 80], xmm3
    vmovdqa xmm3, xmm0
    vpaddd xmm0, xmm9, [rdx + {constants} + 96]
    sha256rnds2 xmm8, xmm7
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm7, xmm8
    vpalignr xmm0, xmm9, [rdx + {lanes} + 224], 4
    vpaddd xmm0, xmm0, [rdx + {bases} + 32]
    sha256msg2 xmm0, xmm9
    vmovdqa [rdx + {lanes} + 224], xmm9
    sha256msg1 xmm9, xmm0
    vmovdqa [rdx + {lanes} + 256], xmm9
    vmovdqa xmm9, xmm0
    vpaddd xmm0, xmm15, [rdx + {constants} + 96]
    sha256rnds2 xmm14, xmm13
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm13, xmm14
    vpalignr xmm0, xmm15, [rdx + {lanes} + 416], 4
    vpaddd xmm0, xmm0, [rdx + {lanes} + 448]
    sha256msg2 xmm0, xmm15
    vmovdqa [rdx + {lanes} + 416], xmm15
    sha256msg1 xmm15, xmm0
    vmovdqa [rdx + {lanes} + 448], xmm15
    vmovdqa xmm15, xmm0
    vpaddd xmm0, xmm12, [rdx + {constants} + 112]
    sha256rnds2 xmm11, xmm10
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm10, xmm11
    vpalignr xmm0, xmm12, [rdx + {lanes} + 320], 4
    vpaddd xmm0, xmm0, [rdx + {lanes} + 368]
    sha256msg2 xmm0, xmm12
    vmovdqa [rdx + {lanes} + 320], xmm12
    sha256msg1 xmm12, xmm0
    vmovdqa [rdx + {lanes} + 368], xmm12
    vmovdqa xmm12, xmm0
    vpaddd xmm0, xmm6, [rdx + {constants} + 80]
    sha256rnds2 xmm5, xmm4
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm4, xmm5
    vpalignr xmm0, xmm6, [rdx + {lanes} + 128], 4
    sha256msg2 xmm0, xmm6
    vmovdqa [rdx + {lanes} + 128], xmm6
    sha256msg1 xmm6, xmm0
    vmovdqa [rdx + {lanes} + 144], xmm6
    vmovdqa xmm6, xmm0
    vpaddd xmm0, xmm3, [rdx + {constants} + 176]
    sha256rnds2 xmm2, xmm1
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm1, xmm2
    vpalignr xmm0, xmm3, [rdx + {lanes} + 32], 4
    vpaddd xmm0, xmm0, [rdx + {lanes} + 48]
    sha256msg2 xmm0, xmm3
    vmovdqa [rdx + {lanes} + 32], xmm3
    sha256msg1 xmm3, xmm0
    vmovdqa [rdx + {lanes} + 48], xmm3
    vmovdqa xmm3, xmm0
    vpaddd xmm0, xmm9, [rdx + {constants} + 112]
    sha256rnds2 xmm8, xmm7
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm7, xmm8
    vpalignr xmm0, xmm9, [rdx + {lanes} + 224], 4
    vpaddd xmm0, xmm0, [rdx + {lanes} + 272]
    sha256msg2 xmm0, xmm9
    vmovdqa [rdx + {lanes} + 224], xmm9
    sha256msg1 xmm9, xmm0
    vmovdqa [rdx + {lanes} + 272], xmm9
    vmovdqa xmm9, xmm0
    vpaddd xmm0, xmm15, [rdx + {constants} + 112]
    sha256rnds2 xmm14, xmm13
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm13, xmm14
    vpalignr xmm0, xmm15, [rdx + {lanes} + 416], 4
    vpaddd xmm0, xmm0, [rdx + {lanes} + 464]
    sha256msg2 xmm0, xmm15
    vmovdqa [rdx + {lanes} + 416], xmm15
    sha256msg1 xmm15, xmm0
    vmovdqa [rdx + {lanes} + 464], xmm15
    vmovdqa xmm15, xmm0
    vpaddd xmm0, xmm12, [rdx + {constants} + 128]
    sha256rnds2 xmm11, xmm10
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm10, xmm11
    vpalignr xmm0, xmm12, [rdx + {lanes} + 320], 4
    vpaddd xmm0, xmm0, [rdx + {lanes} + 336]
    sha256msg2 xmm0, xmm12
    vmovdqa [rdx + {lanes} + 320], xmm12
    sha256msg1 xmm12, xmm0
    vmovdqa [rdx + {lanes} + 336], xmm12
    vmovdqa xmm12, xmm0
    vpaddd xmm0, xmm6, [rdx + {constants} + 96]
    sha256rnds2 xmm5, xmm4
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm4, xmm5
    vpalignr xmm0, xmm6, [rdx + {lanes} + 128], 4
    vpaddd xmm0, xmm0, [rdx + {bases} + 32]
    sha256msg2 xmm0, xmm6
    vmovdqa [rdx + {lanes} + 128], xmm6
    sha256msg1 xmm6, xmm0
    vmovdqa [rdx + {lanes} + 160], xmm6
    vmovdqa xmm6, xmm0
    vpaddd xmm0, xmm3, [rdx + {constants} + 192]
    sha256rnds2 xmm2, xmm1
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm1, xmm2
    vpalignr xmm0, xmm3, [rdx + {lanes} + 32], 4
    vpaddd xmm0, xmm0, [rdx + {lanes} + 64]
    sha256msg2 xmm0, xmm3
    vmovdqa [rdx + {lanes} + 32], xmm3
    vmovdqa xmm3, xmm0
    vpaddd xmm0, xmm9, [rdx + {constants} + 128]
    sha256rnds2 xmm8, xmm7
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm7, xmm8
    vpalignr xmm0, xmm9, [rdx + {lanes} + 224], 4
    vpaddd xmm0, xmm0, [rdx + {lanes} + 240]
    sha256msg2 xmm0, xmm9
    vmovdqa [rdx + {lanes} + 224], xmm9
    sha256msg1 xmm9, xmm0
    vmovdqa [rdx + {lanes} + 240], xmm9
    vmovdqa xmm9, xmm0
    vpaddd xmm0, xmm15, [rdx + {constants} + 128]
    sha256rnds2 xmm14, xmm13
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm13, xmm14
    vpalignr xmm0, xmm15, [rdx + {lanes} + 416], 4
    vpaddd xmm0, xmm0, [rdx + {lanes} + 432]
    sha256msg2 xmm0, xmm15
    vmovdqa [rdx + {lanes} + 416], xmm15
    sha256msg1 xmm15, xmm0
    vmovdqa [rdx + {lanes} + 432], xmm15
    vmovdqa xmm15, xmm0
    vpaddd xmm0, xmm12, [rdx + {constants} + 144]
    sha256rnds2 xmm11, xmm10
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm10, xmm11
    vpalignr xmm0, xmm12, [rdx + {lanes} + 320], 4
    vpaddd xmm0, xmm0, [rdx + {lanes} + 352]
    sha256msg2 xmm0, xmm12
    vmovdqa [rdx + {lanes} + 320], xmm12
    sha256msg1 xmm12, xmm0
    vmovdqa [rdx + {lanes} + 352], xmm12
    vmovdqa xmm12, xmm0
    vpaddd xmm0, xmm6, [rdx + {constants} + 112]
    sha256rnds2 xmm5, xmm4
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm4, xmm5
    vpalignr xmm0, xmm6, [rdx + {lanes} + 128], 4
    vpaddd xmm0, xmm0, [rdx + {lanes} + 176]
    sha256msg2 xmm0, xmm6
    vmovdqa [rdx + {lanes} + 128], xmm6
    sha256msg1 xmm6, xmm0
    vmovdqa [rdx + {lanes} + 176], xmm6
    vmovdqa xmm6, xmm0
    vpaddd xmm0, xmm3, [rdx + {constants} + 208]
    sha256rnds2 xmm2, xmm1
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm1, xmm2
    vpalignr xmm0, xmm3, [rdx + {lanes} + 32], 4
    vpaddd xmm0, xmm0, [rdx + {lanes} + 80]
    sha256msg2 xmm0, xmm3
    vmovdqa [rdx + {lanes} + 32], xmm3
    vmovdqa xmm3, xmm0
    vpaddd xmm0, xmm9, [rdx + {constants} + 144]
    sha256rnds2 xmm8, xmm7
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm7, xmm8
    vpalignr xmm0, xmm9, [rdx + {lanes} + 224], 4
    vpaddd xmm0, xmm0, [rdx + {lanes} + 256]
    sha256msg2 xmm0, xmm9
    vmovdqa [rdx + {lanes} + 224], xmm9
    sha256msg1 xmm9, xmm0
    vmovdqa [rdx + {lanes} + 256], xmm9
    vmovdqa xmm9, xmm0
    vpaddd xmm0, xmm15, [rdx + {constants} + 144]
    sha256rnds2 xmm14, xmm13
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm13, xmm14
    vpalignr xmm0, xmm15, [rdx + {lanes} + 416], 4
    vpaddd xmm0, xmm0, [rdx + {lanes} + 448]
    sha256msg2 xmm0, xmm15
    vmovdqa [rdx + {lanes} + 416], xmm15
    sha256msg1 xmm15, xmm0
    vmovdqa [rdx + {lanes} + 448], xmm15
    vmovdqa xmm15, xmm0
    vpaddd xmm0, xmm12, [rdx + {constants} + 160]
    sha256rnds2 xmm11, xmm10
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm10, xmm11
    vpalignr xmm0, xmm12, [rdx + {lanes} + 320], 4
    vpaddd xmm0, xmm0, [rdx + {lanes} + 368]
    sha256msg2 xmm0, xmm12
    vmovdqa [rdx + {lanes} + 320], xmm12
    sha256msg1 xmm12, xmm0
    vmovdqa [rdx + {lanes} + 368], xmm12
    vmovdqa xmm12, xmm0
    vpaddd xmm0, xmm6, [rdx + {constants} + 128]
    sha256rnds2 xmm5, xmm4
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm4, xmm5
    vpalignr xmm0, xmm6, [rdx + {lanes} + 128], 4
    vpaddd xmm0, xmm0, [rdx + {lanes} + 144]
    sha256msg2 xmm0, xmm6
    vmovdqa [rdx + {lanes} + 128], xmm6
    sha256msg1 xmm6, xmm0
    vmovdqa [rdx + {lanes} + 144], xmm6
    vmovdqa xmm6, xmm0
    vpaddd xmm0, xmm3, [rdx + {constants} + 224]
    sha256rnds2 xmm2, xmm1
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm1, xmm2
    vpalignr xmm0, xmm3, [rdx + {lanes} + 32], 4
    vpaddd xmm0, xmm0, [rdx + {lanes} + 48]
    sha256msg2 xmm0, xmm3
    vmovdqa xmm3, xmm0
    vpaddd xmm0, xmm9, [rdx + {constants} + 160]
    sha256rnds2 xmm8, xmm7
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm7, xmm8
    vpalignr xmm0, xmm9, [rdx + {lanes} + 224], 4
    vpaddd xmm0, xmm0, [rdx + {lanes} + 272]
    sha256msg2 xmm0, xmm9
    vmovdqa [rdx + {lanes} + 224], xmm9
    sha256msg1 xmm9, xmm0
    vmovdqa [rdx + {lanes} + 272], xmm9
    vmovdqa xmm9, xmm0
    vpaddd xmm0, xmm15, [rdx + {constants} + 160]
    sha256rnds2 xmm14, xmm13
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm13, xmm14
    vpalignr xmm0, xmm15, [rdx + {lanes} + 416], 4
    vpaddd xmm0, xmm0, [rdx + {lanes} + 464]
    sha256msg2 xmm0, xmm15
    vmovdqa [rdx + {lanes} + 416], xmm15
    sha256msg1 xmm15, xmm0
    vmovdqa [rdx + {lanes} + 464], xmm15
    vmovdqa xmm15, xmm0
    vpaddd xmm0, xmm12, [rdx + {constants} + 176]
    sha256rnds2 xmm11, xmm10
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm10, xmm11
    vpalignr xmm0, xmm12, [rdx + {lanes} + 320], 4
    vpaddd xmm0, xmm0, [rdx + {lanes} + 336]
    sha256msg2 xmm0, xmm12
    vmovdqa [rdx + {lanes} + 320], xmm12
    sha256msg1 xmm12, xmm0
    vmovdqa [rdx + {lanes} + 336], xmm12
    vmovdqa xmm12, xmm0
    vpaddd xmm0, xmm6, [rdx + {constants} + 144]
    sha256rnds2 xmm5, xmm4
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm4, xmm5
    vpalignr xmm0, xmm6, [rdx + {lanes} + 128], 4
    vpaddd xmm0, xmm0, [rdx + {lanes} + 160]
    sha256msg2 xmm0, xmm6
    vmovdqa [rdx + {lanes} + 128], xmm6
    sha256msg1 xmm6, xmm0
    vmovdqa [rdx + {lanes} + 160], xmm6
    vmovdqa xmm6, xmm0
    vpaddd xmm0, xmm3, [rdx + {constants} + 240]
    sha256rnds2 xmm2, xmm1
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm1, xmm2
    vpaddd xmm0, xmm9, [rdx + {constants} + 176]
    sha256rnds2 xmm8, xmm7
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm7, xmm8
    vpalignr xmm0, xmm9, [rdx + {lanes} + 224], 4
    vpaddd xmm0, xmm0, [rdx + {lanes} + 240]
    sha256msg2 xmm0, xmm9
    vmovdqa [rdx + {lanes} + 224], xmm9
    sha256msg1 xmm9, xmm0
    vmovdqa [rdx + {lanes} + 240], xmm9
    vmovdqa xmm9, xmm0
    vpaddd xmm0, xmm15, [rdx + {constants} + 176]
    sha256rnds2 xmm14, xmm13
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm13, xmm14
    vpalignr xmm0, xmm15, [rdx + {lanes} + 416], 4
    vpaddd xmm0, xmm0, [rdx + {lanes} + 432]
    sha256msg2 xmm0, xmm15
    vmovdqa [rdx + {lanes} + 416], xmm15
    sha256msg1 xmm15, xmm0
    vmovdqa [rdx + {lanes} + 432], xmm15
    vmovdqa xmm15, xmm0
    vpaddd xmm0, xmm12, [rdx + {constants} + 192]
    sha256rnds2 xmm11, xmm10
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm10, xmm11
    vpalignr xmm0, xmm12, [rdx + {lanes} + 320], 4
    vpaddd xmm0, xmm0, [rdx + {lanes} + 352]
    sha256msg2 xmm0, xmm12
    vmovdqa [rdx + {lanes} + 320], xmm12
    vmovdqa xmm12, xmm0
    vpaddd xmm0, xmm6, [rdx + {constants} + 160]
    sha256rnds2 xmm5, xmm4
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm4, xmm5
    vpalignr xmm0, xmm6, [rdx + {lanes} + 128], 4
    vpaddd xmm0, xmm0, [rdx + {lanes} + 176]
    sha256msg2 xmm0, xmm6
    vmovdqa [rdx + {lanes} + 128], xmm6
    sha256msg1 xmm6, xmm0
    vmovdqa [rdx + {lanes} + 176], xmm6
    vmovdqa xmm6, xmm0
    vpaddd xmm0, xmm9, [rdx + {constants} + 192]
    sha256rnds2 xmm8, xmm7
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm7, xmm8
    vpalignr xmm0, xmm9, [rdx + {lanes} + 224], 4
    vpaddd xmm0, xmm0, [rdx + {lanes} + 256]
    sha256msg2 xmm0, xmm9
    vmovdqa [rdx + {lanes} + 224], xmm9
    vmovdqa xmm9, xmm0
    vpaddd xmm1, xmm1, [rdx + {midstate}]
    vpaddd xmm2, xmm2, [rdx + {midstate} + 16]
    vshufps xmm0, xmm1, xmm2, 0xbb
    vmovaps [rdx + {lanes} + 0], xmm0
    vshufps xmm0, xmm1, xmm2, 0x11
    vmovaps [rdx + {lanes} + 16], xmm0
    vpaddd xmm0, xmm15, [rdx + {constants} + 192]
    sha256rnds2 xmm14, xmm13
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm13, xmm14
    vpalignr xmm0, xmm15, [rdx + {lanes} + 416], 4
    vpaddd xmm0, xmm0, [rdx + {lanes} + 448]
    sha256msg2 xmm0, xmm15
    vmovdqa [rdx + {lanes} + 416], xmm15
    vmovdqa xmm15, xmm0
    vpaddd xmm0, xmm12, [rdx + {constants} + 208]
    sha256rnds2 xmm11, xmm10
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm10, xmm11
    vpalignr xmm0, xmm12, [rdx + {lanes} + 320], 4
    vpaddd xmm0, xmm0, [rdx + {lanes} + 368]
    sha256msg2 xmm0, xmm12
    vmovdqa [rdx + {lanes} + 320], xmm12
    vmovdqa xmm12, xmm0
    vpaddd xmm0, xmm6, [rdx + {constants} + 176]
    sha256rnds2 xmm5, xmm4
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm4, xmm5
    vpalignr xmm0, xmm6, [rdx + {lanes} + 128], 4
    vpaddd xmm0, xmm0, [rdx + {lanes} + 144]
    sha256msg2 xmm0, xmm6
    vmovdqa [rdx + {lanes} + 128], xmm6
    sha256msg1 xmm6, xmm0
    vmovdqa [rdx + {lanes} + 144], xmm6
    vmovdqa xmm6, xmm0
    vmovdqa xmm1, [rdx + {initial}]
    vmovdqa xmm2, [rdx + {initial} + 16]
    vmovdqa xmm0, [rdx + {lanes} + 0]
    vpaddd xmm0, xmm0, [rdx + {constants} + 0]
    sha256rnds2 xmm2, xmm1
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm1, xmm2
    vpaddd xmm0, xmm9, [rdx + {constants} + 208]
    sha256rnds2 xmm8, xmm7
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm7, xmm8
    vpalignr xmm0, xmm9, [rdx + {lanes} + 224], 4
    vpaddd xmm0, xmm0, [rdx + {lanes} + 272]
    sha256msg2 xmm0, xmm9
    vmovdqa [rdx + {lanes} + 224], xmm9
    vmovdqa xmm9, xmm0
    vpaddd xmm0, xmm15, [rdx + {constants} + 208]
    sha256rnds2 xmm14, xmm13
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm13, xmm14
    vpalignr xmm0, xmm15, [rdx + {lanes} + 416], 4
    vpaddd xmm0, xmm0, [rdx + {lanes} + 464]
    sha256msg2 xmm0, xmm15
    vmovdqa [rdx + {lanes} + 416], xmm15
    vmovdqa xmm15, xmm0
    vpaddd xmm0, xmm12, [rdx + {constants} + 224]
    sha256rnds2 xmm11, xmm10
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm10, xmm11
    vpalignr xmm0, xmm12, [rdx + {lanes} + 320], 4
    vpaddd xmm0, xmm0, [rdx + {lanes} + 336]
    sha256msg2 xmm0, xmm12
    vmovdqa xmm12, xmm0
    vpaddd xmm0, xmm6, [rdx + {constants} + 192]
    sha256rnds2 xmm5, xmm4
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm4, xmm5
    vpalignr xmm0, xmm6, [rdx + {lanes} + 128], 4
    vpaddd xmm0, xmm0, [rdx + {lanes} + 160]
    sha256msg2 xmm0, xmm6
    vmovdqa [rdx + {lanes} + 128], xmm6
    vmovdqa xmm6, xmm0
    vmovdqa xmm0, [rdx + {lanes} + 16]
    vpaddd xmm0, xmm0, [rdx + {constants} + 16]
    sha256rnds2 xmm2, xmm1
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm1, xmm2
    vpaddd xmm0, xmm9, [rdx + {constants} + 224]
    sha256rnds2 xmm8, xmm7
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm7, xmm8
    vpalignr xmm0, xmm9, [rdx + {lanes} + 224], 4
    vpaddd xmm0, xmm0, [rdx + {lanes} + 240]
    sha256msg2 xmm0, xmm9
    vmovdqa xmm9, xmm0
    vmovdqa xmm3, [rdx + {lanes} + 0]
    sha256msg1 xmm3, [rdx + {lanes} + 16]
    sha256msg2 xmm3, [rdx + {length}]
    vpaddd xmm0, xmm15, [rdx + {constants} + 224]
    sha256rnds2 xmm14, xmm13
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm13, xmm14
    vpalignr xmm0, xmm15, [rdx + {lanes} + 416], 4
    vpaddd xmm0, xmm0, [rdx + {lanes} + 432]
    sha256msg2 xmm0, xmm15
    vmovdqa xmm15, xmm0
    vpaddd xmm0, xmm12, [rdx + {last}]
    sha256rnds2 xmm11, xmm10
    vmovdqa xmm0, [rdx + {lanes} + 16]
    sha256msg1 xmm0, [rdx + {padding}]
    vmovdqa [rdx + {lanes} + 80], xmm0
    vmovdqa xmm0, [rdx + {length}]
    sha256msg1 xmm0, xmm3
    vmovdqa [rdx + {lanes} + 64], xmm0
    vpaddd xmm0, xmm6, [rdx + {constants} + 208]
    sha256rnds2 xmm5, xmm4
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm4, xmm5
    vpalignr xmm0, xmm6, [rdx + {lanes} + 128], 4
    vpaddd xmm0, xmm0, [rdx + {lanes} + 176]
    sha256msg2 xmm0, xmm6
    vmovdqa [rdx + {lanes} + 128], xmm6
    vmovdqa xmm6, xmm0
    vmovd [r8 + 12], xmm11
    vmovq xmm0, [rdx + {constants} + 32 + 0]
    sha256rnds2 xmm2, xmm1
    vpaddd xmm0, xmm9, [rdx + {constants} + 240]
    sha256rnds2 xmm8, xmm7
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm7, xmm8
    vpaddd xmm0, xmm15, [rdx + {last}]
    sha256rnds2 xmm14, xmm13
    vmovd xmm12, [rsi + 12]
    vpshufd xmm10, xmm12, 0x11
    vpaddd xmm10, xmm10, [rdx + {start}]
    vmovdqa xmm11, [rdx + {start} + 16]
    vpslldq xmm12, xmm12, 12
    sha256msg1 xmm12, [rdx + {zero}]
    vpaddd xmm12, xmm12, [rdx + {bases}]
    vmovq xmm0, [rdx + {padded} + 0]
    sha256rnds2 xmm11, xmm10
    vmovq xmm0, [rdx + {constants} + 32 + 8]
    sha256rnds2 xmm1, xmm2
    vpaddd xmm0, xmm6, [rdx + {constants} + 224]
    sha256rnds2 xmm5, xmm4
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm4, xmm5
    vpalignr xmm0, xmm6, [rdx + {lanes} + 128], 4
    vpaddd xmm0, xmm0, [rdx + {lanes} + 144]
    sha256msg2 xmm0, xmm6
    vmovdqa xmm6, xmm0
    vmovd [r8 + 16], xmm14
    vmovq xmm0, [rdx + {padded} + 8]
    sha256rnds2 xmm10, xmm11
    vmovq xmm0, [rdx + {constants} + 32 + 16]
    sha256rnds2 xmm2, xmm1
    vpaddd xmm7, xmm7, [rdx + {midstate}]
    vpaddd xmm8, xmm8, [rdx + {midstate} + 16]
    vshufps xmm0, xmm7, xmm8, 0xbb
    vmovaps [rdx + {lanes} + 192], xmm0
    vshufps xmm0, xmm7, xmm8, 0x11
    vmovaps [rdx + {lanes} + 208], xmm0
    vmovd xmm15, [rsi + 16]
    vpshufd xmm13, xmm15, 0x11
    vpaddd xmm13, xmm13, [rdx + {start}]
    vmovdqa xmm14, [rdx + {start} + 16]
    vpslldq xmm15, xmm15, 12
    sha256msg1 xmm15, [rdx + {zero}]
    vpaddd xmm15, xmm15, [rdx + {bases}]
    vmovq xmm0, [rdx + {padded} + 0]
    sha256rnds2 xmm14, xmm13
    vmovq xmm0, [rdx + {padded} + 16]
    sha256rnds2 xmm11, xmm10
    vmovq xmm0, [rdx + {constants} + 32 + 24]
    sha256rnds2 xmm1, xmm2
    vpaddd xmm0, xmm6, [rdx + {constants} + 240]
    sha256rnds2 xmm5, xmm4
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm4, xmm5
    vmovq xmm0, [rdx + {padded} + 8]
    sha256rnds2 xmm13, xmm14
    vmovq xmm0, [rdx + {padded} + 24]
    sha256rnds2 xmm10, xmm11
    vpaddd xmm0, xmm3, [rdx + {constants} + 64]
    sha256rnds2 xmm2, xmm1
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm1, xmm2
    vpalignr xmm0, xmm3, [rdx + {length}], 4
    vpaddd xmm0, xmm0, [rdx + {lanes} + 80]
    sha256msg2 xmm0, xmm3
    vmovdqa [rdx + {lanes} + 32], xmm3
    sha256msg1 xmm3, xmm0
    vmovdqa [rdx + {lanes} + 80], xmm3
    vmovdqa xmm3, xmm0
    vmovdqa xmm7, [rdx + {initial}]
    vmovdqa xmm8, [rdx + {initial} + 16]
    vmovdqa xmm0, [rdx + {lanes} + 192]
    vpaddd xmm0, xmm0, [rdx + {constants} + 0]
    sha256rnds2 xmm8, xmm7
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm7, xmm8
    vmovq xmm0, [rdx + {padded} + 16]
    sha256rnds2 xmm14, xmm13
    vmovq xmm0, [rdx + {padded} + 32]
    sha256rnds2 xmm11, xmm10
    vmovq xmm0, [rdx + {padded} + 24]
    sha256rnds2 xmm13, xmm14
    vmovq xmm0, [rdx + {padded} + 40]
    sha256rnds2 xmm10, xmm11
    vpaddd xmm0, xmm3, [rdx + {constants} + 80]
    sha256rnds2 xmm2, xmm1
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm1, xmm2
    vpalignr xmm0, xmm3, [rdx + {lanes} + 32], 4
    vpaddd xmm0, xmm0, [rdx + {padding}]
    sha256msg2 xmm0, xmm3
    vmovdqa [rdx + {lanes} + 32], xmm3
    sha256msg1 xmm3, xmm0
    vmovdqa [rdx + {lanes} + 48], xmm3
    vmovdqa xmm3, xmm0
    vmovdqa xmm0, [rdx + {lanes} + 208]
    vpaddd xmm0, xmm0, [rdx + {constants} + 16]
    sha256rnds2 xmm8, xmm7
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm7, xmm8
    vpaddd xmm4, xmm4, [rdx + {midstate}]
    vpaddd xmm5, xmm5, [rdx + {midstate} + 16]
    vshufps xmm0, xmm4, xmm5, 0xbb
    vmovaps [rdx + {lanes} + 96], xmm0
    vshufps xmm0, xmm4, xmm5, 0x11
    vmovaps [rdx + {lanes} + 112], xmm0
    vmovdqa xmm9, [rdx + {lanes} + 192]
    sha256msg1 xmm9, [rdx + {lanes} + 208]
    sha256msg2 xmm9, [rdx + {length}]
    vmovq xmm0, [rdx + {padded} + 32]
    sha256rnds2 xmm14, xmm13
    vpaddd xmm0, xmm12, [rdx + {constants} + 64]
    sha256rnds2 xmm11, xmm10
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm10, xmm11
    vmovdqa xmm0, [rdx + {bases} + 16]
    sha256msg2 xmm0, xmm12
    vmovdqa [rdx + {lanes} + 320], xmm12
    sha256msg1 xmm12, xmm0
    vmovdqa [rdx + {lanes} + 368], xmm12
    vmovdqa xmm12, xmm0
    vmovdqa xmm0, [rdx + {lanes} + 208]
    sha256msg1 xmm0, [rdx + {padding}]
    vmovdqa [rdx + {lanes} + 272], xmm0
    vmovdqa xmm0, [rdx + {length}]
    sha256msg1 xmm0, xmm9
    vmovdqa [rdx + {lanes} + 256], xmm0
    vmovdqa xmm4, [rdx + {initial}]
    vmovdqa xmm5, [rdx + {initial} + 16]
    vmovdqa xmm0, [rdx + {lanes} + 96]
    vpaddd xmm0, xmm0, [rdx + {constants} + 0]
    sha256rnds2 xmm5, xmm4
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm4, xmm5
    vmovq xmm0, [rdx + {padded} + 40]
    sha256rnds2 xmm13, xmm14
    vpaddd xmm0, xmm3, [rdx + {constants} + 96]
    sha256rnds2 xmm2, xmm1
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm1, xmm2
    vpalignr xmm0, xmm3, [rdx + {lanes} + 32], 4
    vpaddd xmm0, xmm0, [rdx + {lanes} + 64]
    sha256msg2 xmm0, xmm3
    vmovdqa [rdx + {lanes} + 32], xmm3
    sha256msg1 xmm3, xmm0
    vmovdqa [rdx + {lanes} + 64], xmm3
    vmovdqa xmm3, xmm0
    vmovq xmm0, [rdx + {constants} + 32 + 0]
    sha256rnds2 xmm8, xmm7
    vpaddd xmm0, xmm15, [rdx + {constants} + 64]
    sha256rnds2 xmm14, xmm13
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm13, xmm14
    vmovdqa xmm0, [rdx + {bases} + 16]
    sha256msg2 xmm0, xmm15
    vmovdqa [rdx + {lanes} + 416], xmm15
    sha256msg1 xmm15, xmm0
    vmovdqa [rdx + {lanes} + 464], xmm15
    vmovdqa xmm15, xmm0
    vpaddd xmm0, xmm12, [rdx + {constants} + 80]
    sha256rnds2 xmm11, xmm10
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm10, xmm11
    vpalignr xmm0, xmm12, [rdx + {lanes} + 320], 4
    sha256msg2 xmm0, xmm12
    vmovdqa [rdx + {lanes} + 320], xmm12
    sha256msg1 xmm12, xmm0
    vmovdqa [rdx + {lanes} + 336], xmm12
    vmovdqa xmm12, xmm0
    vmovq xmm0, [rdx + {constants} + 32 + 8]
    sha256rnds2 xmm7, xmm8
    vmovdqa xmm0, [rdx + {lanes} + 112]
    vpaddd xmm0, xmm0, [rdx + {constants} + 16]
    sha256rnds2 xmm5, xmm4
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm4, xmm5
    vpaddd xmm0, xmm3, [rdx + {constants} + 112]
    sha256rnds2 xmm2, xmm1
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm1, xmm2
    vpalignr xmm0, xmm3, [rdx + {lanes} + 32], 4
    vpaddd xmm0, xmm0, [rdx + {lanes} + 80]
    sha256msg2 xmm0, xmm3
    vmovdqa [rdx + {lanes} + 32], xmm3
    sha256msg1 xmm3, xmm0
    vmovdqa [rdx + {lanes} + 80], xmm3
    vmovdqa xmm3, xmm0
    vmovq xmm0, [rdx + {constants} + 32 + 16]
    sha256rnds2 xmm8, xmm7
    vmovdqa xmm6, [rdx + {lanes} + 96]
    sha256msg1 xmm6, [rdx + {lanes} + 112]
    sha256msg2 xmm6, [rdx + {length}]
    vpaddd xmm0, xmm15, [rdx + {constants} + 80]
    sha256rnds2 xmm14, xmm13
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm13, xmm14
    vpalignr xmm0, xmm15, [rdx + {lanes} + 416], 4
    sha256msg2 xmm0, xmm15
    vmovdqa [rdx + {lanes} + 416], xmm15
    sha256msg1 xmm15, xmm0
    vmovdqa [rdx + {lanes} + 432], xmm15
    vmovdqa xmm15, xmm0
    vmovdqa xmm0, [rdx + {lanes} + 112]
    sha256msg1 xmm0, [rdx + {padding}]
    vmovdqa [rdx + {lanes} + 176], xmm0
    vpaddd xmm0, xmm12, [rdx + {constants} + 96]
    sha256rnds2 xmm11, xmm10
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm10, xmm11
    vpalignr xmm0, xmm12, [rdx + {lanes} + 320], 4
    vpaddd xmm0, xmm0, [rdx + {bases} + 32]
    sha256msg2 xmm0, xmm12
    vmovdqa [rdx + {lanes} + 320], xmm12
    sha256msg1 xmm12, xmm0
    vmovdqa [rdx + {lanes} + 352], xmm12
    vmovdqa xmm12, xmm0
    vmovdqa xmm0, [rdx + {length}]
    sha256msg1 xmm0, xmm6
    vmovdqa [rdx + {lanes} + 160], xmm0
    vmovq xmm0, [rdx + {constants} + 32 + 24]
    sha256rnds2 xmm7, xmm8
    vmovq xmm0, [rdx + {constants} + 32 + 0]
    sha256rnds2 xmm5, xmm4
    vpaddd xmm0, xmm3, [rdx + {constants} + 128]
    sha256rnds2 xmm2, xmm1
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm1, xmm2
    vpalignr xmm0, xmm3, [rdx + {lanes} + 32], 4
    vpaddd xmm0, xmm0, [rdx + {lanes} + 48]
    sha256msg2 xmm0, xmm3
    vmovdqa [rdx + {lanes} + 32], xmm3
    sha256msg1 xmm3, xmm0
    vmovdqa [rdx + {lanes} + 48], xmm3
    vmovdqa xmm3, xmm0
    vpaddd xmm0, xmm9, [rdx + {constants} + 64]
    sha256rnds2 xmm8, xmm7
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm7, xmm8
    vpalignr xmm0, xmm9, [rdx + {length}], 4
    vpaddd xmm0, xmm0, [rdx + {lanes} + 272]
    sha256msg2 xmm0, xmm9
    vmovdqa [rdx + {lanes} + 224], xmm9
    sha256msg1 xmm9, xmm0
    vmovdqa [rdx + {lanes} + 272], xmm9
    vmovdqa xmm9, xmm0
    vmovq xmm0, [rdx + {constants} + 32 + 8]
    sha256rnds2 xmm4, xmm5
    vpaddd xmm0, xmm15, [rdx + {constants} + 96]
    sha256rnds2 xmm14, xmm13
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm13, xmm14
    vpalignr xmm0, xmm15, [rdx + {lanes} + 416], 4
    vpaddd xmm0, xmm0, [rdx + {bases} + 32]
    sha256msg2 xmm0, xmm15
    vmovdqa [rdx + {lanes} + 416], xmm15
    sha256msg1 xmm15, xmm0
    vmovdqa [rdx + {lanes} + 448], xmm15
    vmovdqa xmm15, xmm0
    vpaddd xmm0, xmm12, [rdx + {constants} + 112]
    sha256rnds2 xmm11, xmm10
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm10, xmm11
    vpalignr xmm0, xmm12, [rdx + {lanes} + 320], 4
    vpaddd xmm0, xmm0, [rdx + {lanes} + 368]
    sha256msg2 xmm0, xmm12
    vmovdqa [rdx + {lanes} + 320], xmm12
    sha256msg1 xmm12, xmm0
    vmovdqa [rdx + {lanes} + 368], xmm12
    vmovdqa xmm12, xmm0
    vmovq xmm0, [rdx + {constants} + 32 + 16]
    sha256rnds2 xmm5, xmm4
    vpaddd xmm0, xmm3, [rdx + {constants} + 144]
    sha256rnds2 xmm2, xmm1
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm1, xmm2
    vpalignr xmm0, xmm3, [rdx + {lanes} + 32], 4
    vpaddd xmm0, xmm0, [rdx + {lanes} + 64]
    sha256msg2 xmm0, xmm3
    vmovdqa [rdx + {lanes} + 32], xmm3
    sha256msg1 xmm3, xmm0
    vmovdqa [rdx + {lanes} + 64], xmm3
    vmovdqa xmm3, xmm0
    vpaddd xmm0, xmm9, [rdx + {constants} + 80]
    sha256rnds2 xmm8, xmm7
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm7, xmm8
    vpalignr xmm0, xmm9, [rdx + {lanes} + 224], 4
    vpaddd xmm0, xmm0, [rdx + {padding}]
    sha256msg2 xmm0, xmm9
    vmovdqa [rdx + {lanes} + 224], xmm9
    sha256msg1 xmm9, xmm0
    vmovdqa [rdx + {lanes} + 240], xmm9
    vmovdqa xmm9, xmm0
    vmovq xmm0, [rdx + {constants} + 32 + 24]
    sha256rnds2 xmm4, xmm5
    vpaddd xmm0, xmm15, [rdx + {constants} + 112]
    sha256rnds2 xmm14, xmm13
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm13, xmm14
    vpalignr xmm0, xmm15, [rdx + {lanes} + 416], 4
    vpaddd xmm0, xmm0, [rdx + {lanes} + 464]
    sha256msg2 xmm0, xmm15
    vmovdqa [rdx + {lanes} + 416], xmm15
    sha256msg1 xmm15, xmm0
    vmovdqa [rdx + {lanes} + 464], xmm15
    vmovdqa xmm15, xmm0
    vpaddd xmm0, xmm12, [rdx + {constants} + 128]
    sha256rnds2 xmm11, xmm10
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm10, xmm11
    vpalignr xmm0, xmm12, [rdx + {lanes} + 320], 4
    vpaddd xmm0, xmm0, [rdx + {lanes} + 336]
    sha256msg2 xmm0, xmm12
    vmovdqa [rdx + {lanes} + 320], xmm12
    sha256msg1 xmm12, xmm0
    vmovdqa [rdx + {lanes} + 336], xmm12
    vmovdqa xmm12, xmm0
    vpaddd xmm0, xmm6, [rdx + {constants} + 64]
    sha256rnds2 xmm5, xmm4
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm4, xmm5
    vpalignr xmm0, xmm6, [rdx + {length}], 4
    vpaddd xmm0, xmm0, [rdx + {lanes} + 176]
    sha256msg2 xmm0, xmm6
    vmovdqa [rdx + {lanes} + 128], xmm6
    sha256msg1 xmm6, xmm0
    vmovdqa [rdx + {lanes} + 176], xmm6
    vmovdqa xmm6, xmm0
    vpaddd xmm0, xmm3, [rdx + {constants} + 160]
    sha256rnds2 xmm2, xmm1
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm1, xmm2
    vpalignr xmm0, xmm3, [rdx + {lanes} + 32], 4
    vpaddd xmm0, xmm0, [rdx + {lanes} + 80]
    sha256msg2 xmm0, xmm3
    vmovdqa [rdx + {lanes} + 32], xmm3
    sha256msg1 xmm3, xmm0
    vmovdqa [rdx + {lanes} + 80], xmm3
    vmovdqa xmm3, xmm0
    vpaddd xmm0, xmm9, [rdx + {constants} + 96]
    sha256rnds2 xmm8, xmm7
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm7, xmm8
    vpalignr xmm0, xmm9, [rdx + {lanes} + 224], 4
    vpaddd xmm0, xmm0, [rdx + {lanes} + 256]
    sha256msg2 xmm0, xmm9
    vmovdqa [rdx + {lanes} + 224], xmm9
    sha256msg1 xmm9, xmm0
    vmovdqa [rdx + {lanes} + 256], xmm9
    vmovdqa xmm9, xmm0
    vpaddd xmm0, xmm15, [rdx + {constants} + 128]
    sha256rnds2 xmm14, xmm13
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm13, xmm14
    vpalignr xmm0, xmm15, [rdx + {lanes} + 416], 4
    vpaddd xmm0, xmm0, [rdx + {lanes} + 432]
    sha256msg2 xmm0, xmm15
    vmovdqa [rdx + {lanes} + 416], xmm15
    sha256msg1 xmm15, xmm0
    vmovdqa [rdx + {lanes} + 432], xmm15
    vmovdqa xmm15, xmm0
    vpaddd xmm0, xmm12, [rdx + {constants} + 144]
    sha256rnds2 xmm11, xmm10
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm10, xmm11
    vpalignr xmm0, xmm12, [rdx + {lanes} + 320], 4
    vpaddd xmm0, xmm0, [rdx + {lanes} + 352]
    sha256msg2 xmm0, xmm12
    vmovdqa [rdx + {lanes} + 320], xmm12
    sha256msg1 xmm12, xmm0
    vmovdqa [rdx + {lanes} + 352], xmm12
    vmovdqa xmm12, xmm0
    vpaddd xmm0, xmm6, [rdx + {constants} + 80]
    sha256rnds2 xmm5, xmm4
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm4, xmm5
    vpalignr xmm0, xmm6, [rdx + {lanes} + 128], 4
    vpaddd xmm0, xmm0, [rdx + {padding}]
    sha256msg2 xmm0, xmm6
    vmovdqa [rdx + {lanes} + 128], xmm6
    sha256msg1 xmm6, xmm0
    vmovdqa [rdx + {lanes} + 144], xmm6
    vmovdqa xmm6, xmm0
    vpaddd xmm0, xmm3, [rdx + {constants} + 176]
    sha256rnds2 xmm2, xmm1
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm1, xmm2
    vpalignr xmm0, xmm3, [rdx + {lanes} + 32], 4
    vpaddd xmm0, xmm0, [rdx + {lanes} + 48]
    sha256msg2 xmm0, xmm3
    vmovdqa [rdx + {lanes} + 32], xmm3
    sha256msg1 xmm3, xmm0
    vmovdqa [rdx + {lanes} + 48], xmm3
    vmovdqa xmm3, xmm0
    vpaddd xmm0, xmm9, [rdx + {constants} + 112]
    sha256rnds2 xmm8, xmm7
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm7, xmm8
    vpalignr xmm0, xmm9, [rdx + {lanes} + 224], 4
    vpaddd xmm0, xmm0, [rdx + {lanes} + 272]
    sha256msg2 xmm0, xmm9
    vmovdqa [rdx + {lanes} + 224], xmm9
    sha256msg1 xmm9, xmm0
    vmovdqa [rdx + {lanes} + 272], xmm9
    vmovdqa xmm9, xmm0
    vpaddd xmm0, xmm15, [rdx + {constants} + 144]
    sha256rnds2 xmm14, xmm13
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm13, xmm14
    vpalignr xmm0, xmm15, [rdx + {lanes} + 416], 4
    vpaddd xmm0, xmm0, [rdx + {lanes} + 448]
    sha256msg2 xmm0, xmm15
    vmovdqa [rdx + {lanes} + 416], xmm15
    sha256msg1 xmm15, xmm0
    vmovdqa [rdx + {lanes} + 448], xmm15
    vmovdqa xmm15, xmm0
    vpaddd xmm0, xmm12, [rdx + {constants} + 160]
    sha256rnds2 xmm11, xmm10
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm10, xmm11
    vpalignr xmm0, xmm12, [rdx + {lanes} + 320], 4
    vpaddd xmm0, xmm0, [rdx + {lanes} + 368]
    sha256msg2 xmm0, xmm12
    vmovdqa [rdx + {lanes} + 320], xmm12
    sha256msg1 xmm12, xmm0
    vmovdqa [rdx + {lanes} + 368], xmm12
    vmovdqa xmm12, xmm0
    vpaddd xmm0, xmm6, [rdx + {constants} + 96]
    sha256rnds2 xmm5, xmm4
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm4, xmm5
    vpalignr xmm0, xmm6, [rdx + {lanes} + 128], 4
    vpaddd xmm0, xmm0, [rdx + {lanes} + 160]
    sha256msg2 xmm0, xmm6
    vmovdqa [rdx + {lanes} + 128], xmm6
    sha256msg1 xmm6, xmm0
    vmovdqa [rdx + {lanes} + 160], xmm6
    vmovdqa xmm6, xmm0
    vpaddd xmm0, xmm3, [rdx + {constants} + 192]
    sha256rnds2 xmm2, xmm1
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm1, xmm2
    vpalignr xmm0, xmm3, [rdx + {lanes} + 32], 4
    vpaddd xmm0, xmm0, [rdx + {lanes} + 64]
    sha256msg2 xmm0, xmm3
    vmovdqa [rdx + {lanes} + 32], xmm3
    vmovdqa xmm3, xmm0
    vpaddd xmm0, xmm9, [rdx + {constants} + 128]
    sha256rnds2 xmm8, xmm7
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm7, xmm8
    vpalignr xmm0, xmm9, [rdx + {lanes} + 224], 4
    vpaddd xmm0, xmm0, [rdx + {lanes} + 240]
    sha256msg2 xmm0, xmm9
    vmovdqa [rdx + {lanes} + 224], xmm9
    sha256msg1 xmm9, xmm0
    vmovdqa [rdx + {lanes} + 240], xmm9
    vmovdqa xmm9, xmm0
    vpaddd xmm0, xmm15, [rdx + {constants} + 160]
    sha256rnds2 xmm14, xmm13
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm13, xmm14
    vpalignr xmm0, xmm15, [rdx + {lanes} + 416], 4
    vpaddd xmm0, xmm0, [rdx + {lanes} + 464]
    sha256msg2 xmm0, xmm15
    vmovdqa [rdx + {lanes} + 416], xmm15
    sha256msg1 xmm15, xmm0
    vmovdqa [rdx + {lanes} + 464], xmm15
    vmovdqa xmm15, xmm0
    vpaddd xmm0, xmm12, [rdx + {constants} + 176]
    sha256rnds2 xmm11, xmm10
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm10, xmm11
    vpalignr xmm0, xmm12, [rdx + {lanes} + 320], 4
    vpaddd xmm0, xmm0, [rdx + {lanes} + 336]
    sha256msg2 xmm0, xmm12
    vmovdqa [rdx + {lanes} + 320], xmm12
    sha256msg1 xmm12, xmm0
    vmovdqa [rdx + {lanes} + 336], xmm12
    vmovdqa xmm12, xmm0
    vpaddd xmm0, xmm6, [rdx + {constants} + 112]
    sha256rnds2 xmm5, xmm4
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm4, xmm5
    vpalignr xmm0, xmm6, [rdx + {lanes} + 128], 4
    vpaddd xmm0, xmm0, [rdx + {lanes} + 176]
    sha256msg2 xmm0, xmm6
    vmovdqa [rdx + {lanes} + 128], xmm6
    sha256msg1 xmm6, xmm0
    vmovdqa [rdx + {lanes} + 176], xmm6
    vmovdqa xmm6, xmm0
    vpaddd xmm0, xmm3, [rdx + {constants} + 208]
    sha256rnds2 xmm2, xmm1
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm1, xmm2
    vpalignr xmm0, xmm3, [rdx + {lanes} + 32], 4
    vpaddd xmm0, xmm0, [rdx + {lanes} + 80]
    sha256msg2 xmm0, xmm3
    vmovdqa [rdx + {lanes} + 32], xmm3
    vmovdqa xmm3, xmm0
    vpaddd xmm0, xmm9, [rdx + {constants} + 144]
    sha256rnds2 xmm8, xmm7
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm7, xmm8
    vpalignr xmm0, xmm9, [rdx + {lanes} + 224], 4
    vpaddd xmm0, xmm0, [rdx + {lanes} + 256]
    sha256msg2 xmm0, xmm9
    vmovdqa [rdx + {lanes} + 224], xmm9
    sha256msg1 xmm9, xmm0
    vmovdqa [rdx + {lanes} + 256], xmm9
    vmovdqa xmm9, xmm0
    vpaddd xmm0, xmm15, [rdx + {constants} + 176]
    sha256rnds2 xmm14, xmm13
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm13, xmm14
    vpalignr xmm0, xmm15, [rdx + {lanes} + 416], 4
    vpaddd xmm0, xmm0, [rdx + {lanes} + 432]
    sha256msg2 xmm0, xmm15
    vmovdqa [rdx + {lanes} + 416], xmm15
    sha256msg1 xmm15, xmm0
    vmovdqa [rdx + {lanes} + 432], xmm15
    vmovdqa xmm15, xmm0
    vpaddd xmm0, xmm12, [rdx + {constants} + 192]
    sha256rnds2 xmm11, xmm10
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm10, xmm11
    vpalignr xmm0, xmm12, [rdx + {lanes} + 320], 4
    vpaddd xmm0, xmm0, [rdx + {lanes} + 352]
    sha256msg2 xmm0, xmm12
    vmovdqa [rdx + {lanes} + 320], xmm12
    vmovdqa xmm12, xmm0
    vpaddd xmm0, xmm6, [rdx + {constants} + 128]
    sha256rnds2 xmm5, xmm4
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm4, xmm5
    vpalignr xmm0, xmm6, [rdx + {lanes} + 128], 4
    vpaddd xmm0, xmm0, [rdx + {lanes} + 144]
    sha256msg2 xmm0, xmm6
    vmovdqa [rdx + {lanes} + 128], xmm6
    sha256msg1 xmm6, xmm0
    vmovdqa [rdx + {lanes} + 144], xmm6
    vmovdqa xmm6, xmm0
    vpaddd xmm0, xmm3, [rdx + {constants} + 224]
    sha256rnds2 xmm2, xmm1
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm1, xmm2
    vpalignr xmm0, xmm3, [rdx + {lanes} + 32], 4
    vpaddd xmm0, xmm0, [rdx + {lanes} + 48]
    sha256msg2 xmm0, xmm3
    vmovdqa xmm3, xmm0
    vpaddd xmm0, xmm9, [rdx + {constants} + 160]
    sha256rnds2 xmm8, xmm7
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm7, xmm8
    vpalignr xmm0, xmm9, [rdx + {lanes} + 224], 4
    vpaddd xmm0, xmm0, [rdx + {lanes} + 272]
    sha256msg2 xmm0, xmm9
    vmovdqa [rdx + {lanes} + 224], xmm9
    sha256msg1 xmm9, xmm0
    vmovdqa [rdx + {lanes} + 272], xmm9
    vmovdqa xmm9, xmm0
    vpaddd xmm0, xmm15, [rdx + {constants} + 192]
    sha256rnds2 xmm14, xmm13
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm13, xmm14
    vpalignr xmm0, xmm15, [rdx + {lanes} + 416], 4
    vpaddd xmm0, xmm0, [rdx + {lanes} + 448]
    sha256msg2 xmm0, xmm15
    vmovdqa [rdx + {lanes} + 416], xmm15
    vmovdqa xmm15, xmm0
    vpaddd xmm0, xmm12, [rdx + {constants} + 208]
    sha256rnds2 xmm11, xmm10
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm10, xmm11
    vpalignr xmm0, xmm12, [rdx + {lanes} + 320], 4
    vpaddd xmm0, xmm0, [rdx + {lanes} + 368]
    sha256msg2 xmm0, xmm12
    vmovdqa [rdx + {lanes} + 320], xmm12
    vmovdqa xmm12, xmm0
    vpaddd xmm0, xmm6, [rdx + {constants} + 144]
    sha256rnds2 xmm5, xmm4
    vpshufd xmm0, xmm0, 14
    sha256rnds2 xmm4, xmm5
    vpalignr xmm0, xmm6, [rdx + {lanes} + 128], 4
    vpaddd xmm0, xmm0, [rdx + {lanes} + 160]
    sha256msg2 xmm0, xmm6
    vmovdqa [rdx + {lanes} + 128], xmm6
    sha256msg1 xmm6, xmm0
    vmovdqa [rdx + {lanes} + 160], xmm6
    vmovdqa xmm6, xmm0
    add rsi, 20
    add r8, 20
    dec r11
    jnz 2b
