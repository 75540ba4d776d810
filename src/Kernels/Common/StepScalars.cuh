// StepScalars.cuh: numbers that change with every step. Kernels read them through a pointer. StepScalars.cs describes
// the fields.
#pragma once

struct StepScalars {
    unsigned Step;
    unsigned Part;
    float Rates[6];
    float Decays[6];
};

struct DropoutSite {
    const StepScalars* Scalars;
    unsigned long long Seed;
    unsigned Site;
    float DropProbability;
    unsigned Chunk;
    unsigned OtherParts;
};
