package server

import "context"

// WithFeatures returns a context through which From and FeaturesOf find f: what a server on net/http would need for its
// features to be found below those of a request that Handler makes.
func WithFeatures(ctx context.Context, f *Features) context.Context {
	return context.WithValue(ctx, featuresKey{}, f)
}

// RaceEnabled says that this build has the race detector.
const RaceEnabled = raceEnabled
