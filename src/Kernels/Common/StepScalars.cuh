// StepScalars.cuh: what changes from step to step, read through a pointer. The C# side of these structs says what fields mean.
#pragma once

struct StepScalars {
    unsigned Step;
    float Rates[6];
    float Decays[6];
};

struct DropoutSite {
    const StepScalars* Scalars;
    unsigned long long Seed;
    unsigned Site;
    float DropProbability;
};
