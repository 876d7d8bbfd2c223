package process

const openNoFollow = 0
