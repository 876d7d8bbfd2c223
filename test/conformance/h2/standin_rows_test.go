package h2

// standInDiffers are the rows that net/http's server answers in a way of its own, and why.
var standInDiffers = map[string]string{}
