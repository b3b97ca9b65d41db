"""What a site and a catalogue say: files in, checked values out."""
