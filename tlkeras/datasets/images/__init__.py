"""Pictures: photographs, handwritten digits, drawn shapes."""
